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
	BUFFER = 2048,      // bytes for one datagram
	JOINED = 1 << 16,   // bytes for what GRO joined
	CONTROL = 96,       // bytes for control messages
	LONGEST = 65507,    // bytes of a send, RFC 768
	SLOTS = 1 << 8,     // of a table of paths, for at most MAX_BATCH of them
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

// The servers. They do not return.
void run_recvfrom(int fd);
void run_recvmsg(int fd);
void run_recvmmsg(int fd, int gro);
void run_merge(int fd);

#endif
