#include "echo.h"

// same reports whether messages i and j have one path and one length, and so
// can leave as segments of one send. The index of the interface is 0 in both.
static int same(const struct batch *b, int i, int j) {
	const struct msghdr *x = &b->msg[i].msg_hdr, *y = &b->msg[j].msg_hdr;
	return b->msg[i].msg_len == b->msg[j].msg_len && x->msg_namelen == y->msg_namelen &&
	       x->msg_controllen == y->msg_controllen && !memcmp(x->msg_name, y->msg_name, x->msg_namelen) &&
	       !memcmp(x->msg_control, y->msg_control, x->msg_controllen);
}

// run_group sends the replies that follow each other on one path as one, by
// gathering: nothing is copied but control messages.
void run_group(int fd) {
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
		int groups = 0;
		for (int i = 0, count; i < n; i += count, groups++) {
			for (count = 1; i + count < n && same(in, i, i + count); count++)
				;
			struct msghdr *m = &out->msg[groups].msg_hdr;
			*m = in->msg[i].msg_hdr;
			m->msg_iovlen = count;  // the vectors of neighbours are neighbours
			if (count == 1)
				continue;
			memcpy(out->control[groups], m->msg_control, m->msg_controllen);
			m->msg_control = out->control[groups];
			struct cmsghdr *c = (void *)(out->control[groups] + m->msg_controllen);
			uint16_t segment = in->msg[i].msg_len;
			c->cmsg_level = IPPROTO_UDP;
			c->cmsg_type = UDP_SEGMENT;
			c->cmsg_len = CMSG_LEN(sizeof segment);
			memcpy(CMSG_DATA(c), &segment, sizeof segment);
			m->msg_controllen += CMSG_SPACE(sizeof segment);
		}
		send_all(fd, out->msg, groups);
	}
}
