package dsrudp

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// readError wraps err as net does.
func (c *Conn) readError(err error) error {
	return &net.OpError{Op: "read", Net: c.network, Source: c.laddr, Addr: c.raddr, Err: c.over(err)}
}

// writeError counts a datagram that a call could not send because of err, and
// wraps err as net does.
func (c *Conn) writeError(err error, to net.Addr) error { return c.writeErrors(err, 1, to) }

// writeErrors is writeError for n datagrams. After Close there was nothing to
// refuse.
func (c *Conn) writeErrors(err error, n int, to net.Addr) error {
	if refused(err) && c.closed.Load() {
		err = net.ErrClosed
	}
	return c.unsent(err, n, to)
}

// unsent is writeErrors for datagrams that may have been taken before Close.
func (c *Conn) unsent(err error, n int, to net.Addr) error {
	c.countUnsent(err, n)
	return c.opError(err, to)
}

func (c *Conn) opError(err error, to net.Addr) error {
	return &net.OpError{Op: "write", Net: c.network, Source: c.laddr, Addr: to, Err: c.over(err)}
}

// addrPortAddr is a netip.AddrPort as a net.Addr, for errors.
type addrPortAddr struct{ netip.AddrPort }

func (addrPortAddr) Network() string { return "udp" }

// bare takes the error out of net's *net.OpError, to be wrapped once.
func bare(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// netsRefusal returns the error with which net refused to send to an address, or not
// to any. Net is asked with nothing to send, and its taking that is an error too: the
// datagram itself must not leave by net, which does not know where from.
func netsRefusal(_ int, err error) error {
	if err == nil {
		return &net.OpError{Op: "write", Net: "udp", Err: syscall.EINVAL}
	}
	return err
}
