package dsrudp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/source"
)

// Errors to match with [errors.Is]. Methods of Conn return them inside a
// *net.OpError, as net does with its own.
var (
	// ErrNoPath says that no local address is known to send from: the Path has
	// none, the datagram's was lost on receipt, or, with ListenConfig.Strict,
	// the remote address is unknown or was seen on more than one local address.
	ErrNoPath = source.ErrNoPath

	// ErrNotLocal says that the local address asked for cannot be a source
	// here: no address or local route of the host has it (any more), or that
	// could not be asked, or it is a group, a loopback address towards a remote
	// peer (unless the Conn is bound to it), of another family than the peer, a
	// link-local address without its zone, or has another port than the Conn is bound to.
	//
	// Linux sends IPv4 datagrams only from addresses that the routing table local
	// has. At one that is local by another table, to which ip rule leads, it receives,
	// but sends from it only where ListenConfig.Control set IP_TRANSPARENT of ip(7),
	// which needs CAP_NET_ADMIN. This package then allows it for one to two seconds after
	// each datagram that was received at it.
	ErrNotLocal = source.ErrNotLocal

	// ErrTruncated says that a datagram was longer than the buffer, or that
	// its control messages were cut. What fitted is valid.
	ErrTruncated = errors.New("dsrudp: datagram or its control messages truncated")

	// ErrNotSupported says that this system, or this socket, cannot do what
	// was asked. It matches errors.ErrUnsupported.
	ErrNotSupported = fmt.Errorf("dsrudp: not supported here: %w", errors.ErrUnsupported)
)

// ErrRawIO says that a read or write through SyscallConn was refused, because it would go
// round this package in silence: what was sent would leave from the address that the kernel
// chooses, and what was read would not be remembered. It is returned inside a *net.OpError
// by Conns that are bound to the wildcard address, and counted (Stats.RawRefused). The first
// one of each Conn is logged by [slog.Default], as the library that it is returned to may
// drop it. ListenConfig.RawIO allows such reads and writes. Control is not refused.
//
// The usual cause is a PacketConn of golang.org/x/net's ipv4 or ipv6 that a library makes of
// a Conn. That is good for socket options and groups. Its ReadBatch, WriteBatch and WriteTo
// return this error. Its ReadFrom returns "invalid conn type" for all that is not a
// *net.UDPConn, at once and each time, so that a loop that goes on after errors never waits.
// Datagrams are for the Conn's own methods, among which are ReadBatch and WriteBatch. A
// library that looks for SyscallConn by a type assertion, and does without where there is
// none, is given struct{ net.PacketConn }{conn} in place of conn.
var ErrRawIO = errors.New("dsrudp: raw reads and writes would not have the right source: " +
	"use the Conn's own ReadBatch and WriteBatch, or hide SyscallConn with struct{ net.PacketConn }{conn}")

var (
	errGRO    = fmt.Errorf("%w: with ListenConfig.GRO this call could take several datagrams for one", ErrNotSupported)
	errServed = fmt.Errorf("%w: a Server reads this Conn", ErrNotSupported)
	errECN    = fmt.Errorf("%w: this system cannot mark datagrams", ErrNotSupported)
)

// notSupported makes an error of a system that lacks something match
// ErrNotSupported.
func notSupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, ErrNotSupported) {
		return fmt.Errorf("%w: %w", ErrNotSupported, err)
	}
	return err
}

// readError counts a read that failed because of err, and wraps err as net does. Each such
// read comes here once.
func (c *Conn) readError(err error) error {
	c.counts.unread(err)
	return &net.OpError{Op: "read", Net: c.network, Source: c.laddr, Addr: c.raddr, Err: c.closedError(err)}
}

// writeError counts n datagrams that were not sent because of err, and wraps err as
// net does. Each such datagram comes here once.
func (c *Conn) writeError(err error, n int, to net.Addr) error {
	if refused(err) && !c.served.Load() {
		// In net's order: the guard, which could not be asked, is closed too, and a source
		// may have been refused before the deadline was looked at.
		if c.closed.Load() {
			err = net.ErrClosed
		} else if late := c.sock.WriteExpired(); late != nil {
			err = late
		}
	}
	c.counts.unsent(err, n)
	return &net.OpError{Op: "write", Net: c.network, Source: c.laddr, Addr: to, Err: c.closedError(err)}
}

// refused reports whether this package refused a send, or the kernel did for a reason
// that is known.
func refused(err error) bool { return errors.Is(err, ErrNotLocal) || errors.Is(err, ErrNoPath) }

// opAddr makes a nil address a nil net.Addr.
func opAddr(a *net.UDPAddr) net.Addr {
	if a == nil {
		return nil
	}
	return a
}

// addrPortUDPAddr is a netip.AddrPort as a net.Addr, for errors. It has the name of net's.
type addrPortUDPAddr struct{ netip.AddrPort }

func (addrPortUDPAddr) Network() string { return "udp" }
