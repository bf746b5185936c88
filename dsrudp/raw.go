package dsrudp

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// SyscallConn returns the raw socket, to set options and join groups with.
// Datagrams read through it are not counted or remembered. With ListenConfig.GRO
// only its Control works, and while a Server reads the Conn, not its Read.
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
// do not block even then. For a Conn made with ListenConfig.GRO it returns an error.
func (c *Conn) File() (*os.File, error) {
	if !c.ok() {
		return nil, syscall.EINVAL
	}
	if c.gro {
		return nil, &net.OpError{Op: "file", Net: c.network, Source: c.laddr, Addr: c.raddr, Err: errRaw}
	}
	return c.conn.File()
}

// errRaw is for those who could take several datagrams for one.
var errRaw = fmt.Errorf("%w: with ListenConfig.GRO only ReadPackets and Server read the socket", ErrNotSupported)

// rawConn is the syscall.RawConn that callers get.
type rawConn struct {
	syscall.RawConn
	c *Conn
}

// Control may set the type of service and traffic class, which a marked datagram keeps.
func (r rawConn) Control(f func(fd uintptr)) error {
	defer r.c.source.ReadClass()
	return r.RawConn.Control(f)
}

// Read would take datagrams away from a Server, and wait for it to end.
func (r rawConn) Read(f func(fd uintptr) bool) error {
	err := r.c.readable(false)
	if err == nil && r.c.gro {
		err = errRaw
	}
	if err != nil {
		return r.refuse("raw-read", err)
	}
	return r.RawConn.Read(f)
}

// Write is refused with GRO too: who writes there also reads, as QUIC libraries do.
func (r rawConn) Write(f func(fd uintptr) bool) error {
	if r.c.gro && !r.c.closed.Load() {
		return r.refuse("raw-write", errRaw)
	}
	return r.RawConn.Write(f)
}

// refuse wraps err as net does.
func (r rawConn) refuse(op string, err error) error {
	return &net.OpError{Op: op, Net: r.c.network, Source: r.c.laddr, Addr: r.c.raddr, Err: err}
}
