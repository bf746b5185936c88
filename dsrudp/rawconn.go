package dsrudp

import (
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
	if r.c.gro || r.c.ahead != nil {
		return errRaw
	}
	if err := r.c.refusesServed(); err != nil {
		return err
	}
	return r.RawConn.Read(f)
}

// Write is refused too where Read always is: who writes there also reads, as QUIC
// libraries do.
func (r rawConn) Write(f func(fd uintptr) bool) error {
	if r.c.gro || r.c.ahead != nil {
		return errRaw
	}
	return r.RawConn.Write(f)
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
