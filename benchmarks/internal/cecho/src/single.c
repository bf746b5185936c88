#include "echo.h"

// run_recvfrom replies from the address that the kernel chooses.
void run_recvfrom(int fd) {
	char *buf = must_alloc(TRAIN);
	for (;;) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(fd, buf, TRAIN, 0, (void *)&from, &len);
		if (n >= 0)
			sendto(fd, buf, n, 0, (void *)&from, len);
	}
}

void run_recvmsg(int fd) {
	struct batch *b = must_alloc(sizeof *b);
	char *buf = must_alloc(TRAIN);
	int epoll = config.epoll ? make_epoll(fd) : -1;
	for (;;) {
		arm(b, 0, buf, TRAIN);
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
