package dsrudp

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"
)

// SyscallConn returns the raw socket, to set options and join groups with.
//
// Its Read and Write work on Conns that are bound to one address or connected, which have
// one source. On others they return ErrRawIO, unless ListenConfig.RawIO allows them.
// Datagrams read so are not counted or remembered. With ListenConfig.GRO neither works,
// and while a Server reads the Conn, Read does not. Reads and writes that a function
// passed to Control makes on the descriptor are not refused or counted.
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
// do not block even then. For a Conn made with ListenConfig.GRO it returns an error, and
// so it does for a nil Conn, with which net's panics.
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
	if err == nil {
		err = r.allowed()
	}
	if err != nil {
		return r.refuse("raw-read", err)
	}
	return r.RawConn.Read(f)
}

// Write is for sockets that have one source.
func (r rawConn) Write(f func(fd uintptr) bool) error {
	if !r.c.closed.Load() {
		if err := r.allowed(); err != nil {
			return r.refuse("raw-write", err)
		}
	}
	return r.RawConn.Write(f)
}

// allowed returns why reads and writes are refused, nil where they are not. With GRO writes
// are refused too: libraries that write here also read, as those of QUIC do.
func (r rawConn) allowed() error {
	switch c := r.c; {
	case c.gro:
		return errRaw
	case c.source.Wildcard() && !c.rawIO:
		return ErrRawIO
	}
	return nil
}

// refuse wraps err as net does, and counts what would have gone round the Conn.
func (r rawConn) refuse(op string, err error) error {
	c := r.c
	err = &net.OpError{Op: op, Net: c.network, Source: c.laddr, Addr: c.raddr, Err: err}
	if errors.Is(err, ErrRawIO) && c.counts.raw.Add(1) == 1 {
		slog.Warn("dsrudp: refused, which is logged once for each Conn", "error", err)
	}
	return err
}
