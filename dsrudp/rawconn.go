package dsrudp

import (
	"net"
	"os"
	"syscall"
)

// SyscallConn returns the raw socket, to set options and join groups with.
// Datagrams read through it are not counted or remembered. With ListenConfig.GRO
// or ReadAhead only its Control works, and while a Server reads the Conn, not its
// Read. Other calls of the Conn do not wait for a function that Read or Write runs
// to return, as those of a *net.UDPConn do.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	if !c.ok() {
		return nil, syscall.EINVAL
	}
	raw, err := c.conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return rawConn{raw, c}, nil
}

// File returns a duplicate of the socket, as [net.UDPConn.File] does. Its Fd
// method makes the socket blocking for every duplicate; this package's calls
// do not block even then. For a Conn made with ListenConfig.GRO or ReadAhead it returns
// an error.
func (c *Conn) File() (*os.File, error) {
	if !c.ok() {
		return nil, syscall.EINVAL
	}
	if c.gro || c.ahead != nil {
		return nil, &net.OpError{Op: "file", Net: c.network, Source: c.laddr, Addr: c.raddr, Err: errRaw}
	}
	return c.conn.File()
}

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
