// Echo servers in C: what the system calls cost without Go.
//
//	echo MODE [pktinfo] [epoll] [ipv6] [dual] [sockets=N] [batch=N]
//
// MODE is recvfrom, recvmsg, recvmmsg, merge (recvmmsg, and the replies of a batch
// on one path in one UDP_SEGMENT send), or gro (what UDP_GRO joined is sent back in one
// send). It writes {"Port":N} and serves until its standard input ends.
#include "echo.h"

struct config config = {.sockets = 1, .batch = MAX_BATCH};

static void fail(const char *what) {
	perror(what);
	exit(1);
}

static void set(int fd, int level, int name, int value) {
	if (setsockopt(fd, level, name, &value, sizeof value))
		fail("setsockopt");
}

// make_socket binds a socket to *port, or to any and says which.
static int make_socket(int *port) {
	int fd = socket(config.ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | (config.epoll ? SOCK_NONBLOCK : 0), 0);
	if (fd < 0)
		fail("socket");
	set(fd, SOL_SOCKET, SO_RCVBUF, 1 << 20);
	if (config.sockets > 1)
		set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (config.ipv6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !config.dual);
	if (config.ipv6 && config.pktinfo) {
		set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);  // the addresses are local routes
	} else if (config.pktinfo) {
		set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	}
	if (!strcmp(config.mode, "gro"))
		set(fd, IPPROTO_UDP, UDP_GRO, 1);

	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(*port)};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(*port)};
	if (config.ipv6 ? bind(fd, (void *)&a6, sizeof a6) : bind(fd, (void *)&a4, sizeof a4))
		fail("bind");
	socklen_t len = sizeof a6;
	if (getsockname(fd, (void *)&a6, &len))
		fail("getsockname");
	*port = ntohs(a6.sin6_port);  // in the same place for both families
	return fd;
}

static void *serve(void *arg) {
	int fd = (int)(intptr_t)arg;
	if (!strcmp(config.mode, "recvfrom"))
		run_recvfrom(fd);
	else if (!strcmp(config.mode, "recvmsg"))
		run_recvmsg(fd);
	else if (!strcmp(config.mode, "merge"))
		run_merge(fd);
	else
		run_recvmmsg(fd, !strcmp(config.mode, "gro"));
	return NULL;
}

int main(int argc, char **argv) {
	config.mode = argc > 1 ? argv[1] : "";
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "pktinfo"))
			config.pktinfo = 1;
		else if (!strcmp(argv[i], "epoll"))
			config.epoll = 1;
		else if (!strcmp(argv[i], "ipv6"))
			config.ipv6 = 1;
		else if (!strcmp(argv[i], "dual"))
			config.ipv6 = config.dual = 1;
		else if (sscanf(argv[i], "sockets=%d", &config.sockets) != 1 && sscanf(argv[i], "batch=%d", &config.batch) != 1) {
			fprintf(stderr, "echo: what is %s?\n", argv[i]);
			return 2;
		}
	}
	if (config.batch < 1 || config.batch > MAX_BATCH)
		config.batch = MAX_BATCH;
	int port = 0;
	for (int i = 0; i < config.sockets; i++) {
		pthread_t thread;
		int fd = make_socket(&port);
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd))
			fail("pthread_create");
	}
	printf("{\"Port\":%d}\n", port);
	fflush(stdout);
	while (getchar() != EOF)
		;
	_exit(0);  // the threads go on serving until then
}
