#include "echo.h"

void run_recvmmsg(int fd, int gro) {
	struct batch *b = must_alloc(sizeof *b);
	size_t size = gro ? TRAIN : BUFFER;
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
