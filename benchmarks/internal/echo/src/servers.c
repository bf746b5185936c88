// The loops of the servers and what they have in common.
#include "echo.h"

// A batch is the memory of recvmmsg and sendmmsg, laid out once.
struct batch {
	struct mmsghdr msg[MAX_BATCH];
	struct iovec iov[MAX_BATCH];
	struct sockaddr_in6 name[MAX_BATCH];
	_Alignas(struct cmsghdr) char control[MAX_BATCH][CONTROL];
};

static void *must_alloc(size_t size) {
	void *p = aligned_alloc(4096, (size + 4095) & ~(size_t)4095);
	if (!p) {
		perror("aligned_alloc");
		exit(1);
	}
	memset(p, 0, size);
	return p;
}

static int make_epoll(int fd) {
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
	int epoll = epoll_create1(0);
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e)) {
		perror("epoll");
		exit(1);
	}
	return epoll;
}

static void wait_readable(int epoll) {
	struct epoll_event e;
	epoll_wait(epoll, &e, 1, -1);
}

// arm makes message i ready to receive size bytes to buf.
static void arm(struct batch *b, int i, char *buf, size_t size) {
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

// fix makes received control messages fit to be sent, in place.
static void fix(struct msghdr *m) {
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

// answer makes received message i ready to be sent back.
static void answer(struct batch *b, int i) {
	b->iov[i].iov_len = b->msg[i].msg_len;
	if (b->msg[i].msg_hdr.msg_controllen)
		fix(&b->msg[i].msg_hdr);
	b->msg[i].msg_hdr.msg_flags = 0;
}

// send_all sends n messages and leaves out those that cannot be sent.
static void send_all(int fd, struct mmsghdr *msg, int n) {
	for (int done = 0; done < n;) {
		int sent = sendmmsg(fd, msg + done, n - done, 0);
		done += sent > 0 ? sent : 1;
	}
}

// run_recvfrom replies from the address that the kernel chooses.
void run_recvfrom(int fd) {
	char *buf = must_alloc(JOINED);
	for (;;) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(fd, buf, JOINED, 0, (void *)&from, &len);
		if (n >= 0)
			sendto(fd, buf, n, 0, (void *)&from, len);
	}
}

void run_recvmsg(int fd) {
	struct batch *b = must_alloc(sizeof *b);
	char *buf = must_alloc(JOINED);
	int epoll = config.epoll ? make_epoll(fd) : -1;
	for (;;) {
		arm(b, 0, buf, JOINED);
		ssize_t n = recvmsg(fd, &b->msg[0].msg_hdr, 0);
		if (n < 0) {
			if (config.epoll)
				wait_readable(epoll);
			continue;
		}
		b->msg[0].msg_len = n;
		answer(b, 0);
		sendmsg(fd, &b->msg[0].msg_hdr, 0);
	}
}

void run_recvmmsg(int fd, int gro) {
	struct batch *b = must_alloc(sizeof *b);
	size_t size = gro ? JOINED : BUFFER;
	char *bufs = must_alloc(size * config.batch);
	int epoll = config.epoll ? make_epoll(fd) : -1;
	for (int n = config.batch;;) {
		for (int i = 0; i < n; i++)
			arm(b, i, bufs + i * size, size);
		n = recvmmsg(fd, b->msg, config.batch, config.epoll ? 0 : MSG_WAITFORONE, NULL);
		if (n < 0) {
			n = 0;
			if (config.epoll)
				wait_readable(epoll);
			continue;
		}
		for (int i = 0; i < n; i++)
			answer(b, i);
		send_all(fd, b->msg, n);
	}
}

// same reports whether messages i and j have one path and one length, and so
// can leave as segments of one send. The index of the interface is 0 in both.
static int same(const struct batch *b, int i, int j) {
	const struct msghdr *x = &b->msg[i].msg_hdr, *y = &b->msg[j].msg_hdr;
	return b->msg[i].msg_len == b->msg[j].msg_len && x->msg_namelen == y->msg_namelen &&
	       x->msg_controllen == y->msg_controllen && !memcmp(x->msg_name, y->msg_name, x->msg_namelen) &&
	       !memcmp(x->msg_control, y->msg_control, x->msg_controllen);
}

// run_merge sends the replies that follow each other on one path as one, by
// gathering: nothing is copied but control messages.
void run_merge(int fd) {
	struct batch *in = must_alloc(sizeof *in), *out = must_alloc(sizeof *out);
	char *bufs = must_alloc((size_t)BUFFER * config.batch);
	for (int n = config.batch;;) {
		for (int i = 0; i < n; i++)
			arm(in, i, bufs + (size_t)i * BUFFER, BUFFER);
		n = recvmmsg(fd, in->msg, config.batch, MSG_WAITFORONE, NULL);
		if (n < 0) {
			n = 0;
			continue;
		}
		for (int i = 0; i < n; i++)
			answer(in, i);
		int sends = 0;
		for (int i = 0, count; i < n; i += count, sends++) {
			for (count = 1; i + count < n && same(in, i, i + count); count++)
				;
			struct msghdr *m = &out->msg[sends].msg_hdr;
			*m = in->msg[i].msg_hdr;
			m->msg_iovlen = count;  // the vectors of neighbours are neighbours
			if (count == 1)
				continue;
			memcpy(out->control[sends], m->msg_control, m->msg_controllen);
			m->msg_control = out->control[sends];
			struct cmsghdr *c = (void *)(out->control[sends] + m->msg_controllen);
			uint16_t segment = in->msg[i].msg_len;
			c->cmsg_level = IPPROTO_UDP;
			c->cmsg_type = UDP_SEGMENT;
			c->cmsg_len = CMSG_LEN(sizeof segment);
			memcpy(CMSG_DATA(c), &segment, sizeof segment);
			m->msg_controllen += CMSG_SPACE(sizeof segment);
		}
		send_all(fd, out->msg, sends);
	}
}
