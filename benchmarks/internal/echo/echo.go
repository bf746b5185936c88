//go:build linux

// Package echo has the UDP echo servers that are compared, one for each way of
// receiving and sending. Each is written as the documentation of what it uses
// suggests, and allocates nothing of its own per datagram.
package echo

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
)

// A Spec says which server to run, and how.
type Spec struct {
	// Name is that of a server in Names.
	Name string
	// Network is "udp4", "udp6" or "udp", which is dual-stack.
	Network string
	// Sockets is the number of sockets, each with a goroutine, that share the
	// port (SO_REUSEPORT). 0 is one.
	Sockets int
	// NoOffload turns UDP_SEGMENT off where a server would group its replies,
	// and PlainSyscalls has the runtime told of each system call. They are
	// for dsrudp.
	NoOffload, PlainSyscalls bool
	// CollectGarbage collects garbage all the time, to see how long it takes
	// to stop the server's goroutines.
	CollectGarbage bool
}

// A server is one that listens.
type server struct {
	port  int
	loops []func() error // each is to run in a goroutine, until its socket is closed
	stats func(*Stats)   // or nil
}

// servers makes them by name.
var servers = map[string]func(Spec) (*server, error){}

// Names returns the names of all servers.
func Names() []string { return slices.Sorted(maps.Keys(servers)) }

// start makes the server listen.
func start(s Spec) (*server, error) {
	f, ok := servers[s.Name]
	if !ok {
		return nil, fmt.Errorf("echo: no server is called %q; there are %q", s.Name, Names())
	}
	s.Sockets = max(s.Sockets, 1)
	return f(s)
}

// readBuffer is the size in bytes asked for of the kernel's receive buffer. An
// ordinary user gets less.
const readBuffer = 1 << 20

// maxDatagram is enough for each payload, and for each train of them.
const maxDatagram = 1 << 16

// batchSize is the number of datagrams that batches are for, and batchBuffer
// the size in bytes of each one's buffer.
const (
	batchSize   = 64
	batchBuffer = 2048
)

// until returns nil for the error of a closed socket, and reports whether err
// ends a server's loop. Anything else is one peer's fault, and the next one may
// fare better.
func until(err error) bool { return errors.Is(err, net.ErrClosed) }
