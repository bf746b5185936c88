// What the echo servers have in common.
#ifndef ECHO_H
#define ECHO_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
	MAX_BATCH = 64,
	BUFFER = 2048,    // bytes for one datagram
	TRAIN = 1 << 16,  // bytes for one train of them
	CONTROL = 96,     // bytes for control messages
};

struct config {
	const char *mode;
	int pktinfo;  // ask for destinations and answer from them
	int epoll;    // a non-blocking socket and edge-triggered epoll, as Go's runtime has them
	int ipv6;     // a socket of AF_INET6
	int dual;     // that takes IPv4 too
	int sockets;  // sharing the port, each with a thread
	int batch;
};
extern struct config config;

// A batch is the memory of recvmmsg and sendmmsg, laid out once.
struct batch {
	struct mmsghdr msg[MAX_BATCH];
	struct iovec iov[MAX_BATCH];
	struct sockaddr_in6 name[MAX_BATCH];
	_Alignas(struct cmsghdr) char control[MAX_BATCH][CONTROL];
};

void *must_alloc(size_t size);
int make_epoll(int fd);
void wait_readable(int epoll);

// arm makes message i ready to receive size bytes to buf.
void arm(struct batch *b, int i, char *buf, size_t size);
// answer makes received message i ready to be sent back.
void answer(struct batch *b, int i);
// fix makes received control messages fit for sending, in place.
void fix(struct msghdr *m);
// send_all sends n messages and leaves out those that cannot be sent.
void send_all(int fd, struct mmsghdr *msg, int n);

// The servers. They do not return.
void run_recvfrom(int fd);
void run_recvmsg(int fd);
void run_recvmmsg(int fd, int gro);
void run_group(int fd);

#endif
