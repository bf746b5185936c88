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
	// peer, of another family than the peer, a link-local address without its
	// zone, or has another port than the Conn is bound to.
	ErrNotLocal = source.ErrNotLocal

	// ErrTruncated says that a datagram was longer than the buffer, or that
	// its control messages were cut. What fitted is valid.
	ErrTruncated = errors.New("dsrudp: datagram or its control messages truncated")

	// ErrNotSupported says that this system, or this socket, cannot do what
	// was asked. It matches errors.ErrUnsupported.
	ErrNotSupported = fmt.Errorf("dsrudp: not supported here: %w", errors.ErrUnsupported)
)

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

// readError wraps err as net does.
func (c *Conn) readError(err error) error {
	return &net.OpError{Op: "read", Net: c.network, Source: c.laddr, Addr: c.raddr, Err: c.closedError(err)}
}

// writeError counts n datagrams that were not sent because of err, and wraps err as
// net does. Each such datagram comes here once.
func (c *Conn) writeError(err error, n int, to net.Addr) error {
	if c.closed.Load() && !c.served.Load() && refused(err) {
		err = net.ErrClosed // as the guard is, which could not be asked
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

// addrPortAddr is a netip.AddrPort as a net.Addr, for errors.
type addrPortAddr struct{ netip.AddrPort }

func (addrPortAddr) Network() string { return "udp" }
