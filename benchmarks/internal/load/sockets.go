//go:build linux

package load

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// buffer is the size in bytes asked for of each client socket's buffers. An
// ordinary user gets less, which is enough for every window.
const buffer = 4 << 20

// open returns the client sockets for l, and opens them the first time.
func (g *Generator) open(l *Load) (fds []unix.PollFd, err error) {
	if fds, ok := g.sockets[l.Port]; ok {
		return fds, nil
	}
	for range l.Sockets {
		fd, err := openOne(l)
		if err != nil {
			closeAll(fds)
			return nil, fmt.Errorf("load: client socket %d: %w", len(fds)+1, err)
		}
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	if g.sockets == nil {
		g.sockets = make(map[int][]unix.PollFd)
	}
	g.sockets[l.Port] = fds
	return fds, nil
}

// drain takes replies to an earlier load that were given up.
func (g *Generator) drain() {
	for _, fd := range g.fds {
		for g.receive(int(fd.Fd)) > 0 {
		}
	}
}

// Close closes all sockets.
func (g *Generator) Close() {
	for _, fds := range g.sockets {
		closeAll(fds)
	}
	g.sockets = nil
}

func openOne(l *Load) (fd int, err error) {
	family := unix.AF_INET
	if l.IPv6 {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	type option struct{ level, name, value int }
	options := []option{{unix.SOL_SOCKET, unix.SO_RCVBUF, buffer}, {unix.SOL_SOCKET, unix.SO_SNDBUF, buffer}}
	if l.Train > 1 {
		options = append(options, option{unix.IPPROTO_UDP, unix.UDP_GRO, 1})
	}
	if l.Clients > 1 && l.IPv6 {
		// No interface owns the clients' addresses.
		options = append(options, option{unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1})
	}
	for _, o := range options {
		if err = unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			unix.Close(fd)
			return 0, fmt.Errorf("option %d of level %d: %w", o.name, o.level, err)
		}
	}
	if err = unix.Bind(fd, bindTo(l)); err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("bind: %w", err)
	}
	return fd, nil
}

// bindTo returns the address of a client socket: one that is none of the VIPs,
// so that a server that replies from where it is written to shows.
func bindTo(l *Load) unix.Sockaddr {
	switch many := l.Clients > 1; {
	case l.IPv6 && many:
		return &unix.SockaddrInet6{}
	case l.IPv6:
		return &unix.SockaddrInet6{Addr: [16]byte{15: 1}}
	case many:
		return &unix.SockaddrInet4{}
	default:
		return &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	}
}

func closeAll(fds []unix.PollFd) {
	for _, fd := range fds {
		unix.Close(int(fd.Fd))
	}
}
