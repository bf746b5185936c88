#include "echo.h"

void *must_alloc(size_t size) {
	void *p = aligned_alloc(4096, (size + 4095) & ~(size_t)4095);
	if (!p) {
		perror("aligned_alloc");
		exit(1);
	}
	memset(p, 0, size);
	return p;
}

int make_epoll(int fd) {
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
	int epoll = epoll_create1(0);
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e)) {
		perror("epoll");
		exit(1);
	}
	return epoll;
}

void wait_readable(int epoll) {
	struct epoll_event e;
	epoll_wait(epoll, &e, 1, -1);
}

void arm(struct batch *b, int i, char *buf, size_t size) {
	int control = config.pktinfo || !strcmp(config.mode, "gro");
	b->iov[i] = (struct iovec){buf, size};
	b->msg[i].msg_hdr = (struct msghdr){
		.msg_name = &b->name[i],
		.msg_namelen = sizeof b->name[i],
		.msg_iov = &b->iov[i],
		.msg_iovlen = 1,
		.msg_control = control ? b->control[i] : NULL,
		.msg_controllen = control ? CONTROL : 0,
	};
}

void fix(struct msghdr *m) {
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		// The index of the interface it came in by must not decide the way out.
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			((struct in_pktinfo *)CMSG_DATA(c))->ipi_ifindex = 0;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_ifindex = 0;
		} else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			// An int on the way in, of which the send reads 16 bits.
			int size;
			memcpy(&size, CMSG_DATA(c), sizeof size);
			uint16_t segment = size;
			c->cmsg_type = UDP_SEGMENT;
			c->cmsg_len = CMSG_LEN(sizeof segment);
			memcpy(CMSG_DATA(c), &segment, sizeof segment);
		}
	}
}

void answer(struct batch *b, int i) {
	b->iov[i].iov_len = b->msg[i].msg_len;
	if (b->msg[i].msg_hdr.msg_controllen)
		fix(&b->msg[i].msg_hdr);
	b->msg[i].msg_hdr.msg_flags = 0;
}

void send_all(int fd, struct mmsghdr *msg, int n) {
	for (int done = 0; done < n;) {
		int sent = sendmmsg(fd, msg + done, n - done, 0);
		done += sent > 0 ? sent : 1;
	}
}
