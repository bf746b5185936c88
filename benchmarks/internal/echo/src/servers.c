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

// A group is the replies of a batch that leave as segments of one send: those of
// one path and one length. Their order is kept.
struct group {
	int first, last, count;
};

// same reports whether messages i and j have one path and one length. The index of
// the interface is 0 in both.
static int same(const struct batch *b, int i, int j) {
	const struct msghdr *x = &b->msg[i].msg_hdr, *y = &b->msg[j].msg_hdr;
	return b->msg[i].msg_len == b->msg[j].msg_len && x->msg_namelen == y->msg_namelen &&
	       x->msg_controllen == y->msg_controllen && !memcmp(x->msg_name, y->msg_name, x->msg_namelen) &&
	       !memcmp(x->msg_control, y->msg_control, x->msg_controllen);
}

// slot_of hashes the last words of both addresses and the client's port.
static unsigned slot_of(const struct msghdr *m) {
	uint32_t local, remote;
	memcpy(&remote, (char *)m->msg_name + (m->msg_namelen == sizeof(struct sockaddr_in) ? 4 : 20), sizeof remote);
	memcpy(&local, (char *)m->msg_control + (m->msg_namelen == sizeof(struct sockaddr_in) ? CMSG_LEN(4) : CMSG_LEN(12)), sizeof local);
	uint16_t port = ntohs(((struct sockaddr_in *)m->msg_name)->sin_port);  // in the same place for both families
	return (ntohl(local) * 2654435761u + ntohl(remote) * 2246822519u + port * 3266489917u) >> 24;
}

// gather puts the n messages of in into groups, also those with others between
// them, and returns how many groups that makes. A message is chained to the next
// one of its group by next. Where two paths have one slot, the later one has it.
static int gather(const struct batch *in, int n, struct group *groups, int *next) {
	int8_t slots[SLOTS];
	int count = 0;
	memset(slots, -1, sizeof slots);
	for (int i = 0; i < n; i++) {
		int8_t *slot = &slots[slot_of(&in->msg[i].msg_hdr)];
		struct group *g = *slot < 0 ? NULL : &groups[(int)*slot];
		next[i] = -1;
		if (g && same(in, g->first, i) && (g->count + 1) * in->msg[i].msg_len <= LONGEST) {
			next[g->last] = i;
			g->last = i;
			g->count++;
			continue;
		}
		*slot = count;
		groups[count++] = (struct group){i, i, 1};
	}
	return count;
}

// run_merge sends the replies of one path as one. Nothing is copied but vectors and
// control messages.
void run_merge(int fd) {
	struct batch *in = must_alloc(sizeof *in), *out = must_alloc(sizeof *out);
	char *bufs = must_alloc((size_t)BUFFER * config.batch);
	struct group groups[MAX_BATCH];
	int next[MAX_BATCH];
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
		int sends = gather(in, n, groups, next);
		struct iovec *iov = out->iov;
		for (int k = 0; k < sends; k++) {
			struct msghdr *m = &out->msg[k].msg_hdr;
			*m = in->msg[groups[k].first].msg_hdr;
			m->msg_iov = iov;
			m->msg_iovlen = groups[k].count;
			for (int i = groups[k].first; i >= 0; i = next[i])
				*iov++ = in->iov[i];
			if (groups[k].count == 1)
				continue;
			memcpy(out->control[k], m->msg_control, m->msg_controllen);
			m->msg_control = out->control[k];
			struct cmsghdr *c = (void *)(out->control[k] + m->msg_controllen);
			uint16_t segment = in->msg[groups[k].first].msg_len;
			c->cmsg_level = IPPROTO_UDP;
			c->cmsg_type = UDP_SEGMENT;
			c->cmsg_len = CMSG_LEN(sizeof segment);
			memcpy(CMSG_DATA(c), &segment, sizeof segment);
			m->msg_controllen += CMSG_SPACE(sizeof segment);
		}
		send_all(fd, out->msg, sends);
	}
}
