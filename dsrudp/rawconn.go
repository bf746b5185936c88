package dsrudp

import (
	"net"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/sockopt"
)

// rawConn is the syscall.RawConn that callers get.
type rawConn struct {
	syscall.RawConn
	c *Conn
}

// Control may set options that this package goes by.
func (r rawConn) Control(f func(fd uintptr)) error {
	defer r.c.readClasses()
	return r.RawConn.Control(f)
}

// Read takes datagrams from where a Conn that reads ahead, or a Server, expects
// them, and would wait for a Server to end.
func (r rawConn) Read(f func(fd uintptr) bool) error {
	if err := r.c.refusesServed(); err != nil {
		return r.refuse("raw-read", err)
	}
	if r.c.gro || r.c.ahead != nil {
		return r.refuse("raw-read", errRaw)
	}
	return r.RawConn.Read(f)
}

// Write is refused too where Read always is: who writes there also reads, as QUIC
// libraries do.
func (r rawConn) Write(f func(fd uintptr) bool) error {
	if !r.c.closed.Load() && (r.c.gro || r.c.ahead != nil) {
		return r.refuse("raw-write", errRaw)
	}
	return r.RawConn.Write(f)
}

// refuse wraps err as net does.
func (r rawConn) refuse(op string, err error) error {
	return &net.OpError{Op: op, Net: r.c.network, Source: r.c.laddr, Addr: r.c.raddr, Err: err}
}

// readClasses learns the socket's own type of service and traffic class, which a
// control message with an ECN mark replaces as a whole.
func (c *Conn) readClasses() {
	// The error is the socket's being closed.
	_ = c.raw.Control(func(fd uintptr) {
		c.class4.Store(uint32(sockopt.Class(fd, true)))
		c.class6.Store(uint32(sockopt.Class(fd, false)))
	})
}
