package dsrudp

import (
	"errors"
	"fmt"
	"net/netip"
)

// Errors to match with [errors.Is]. Methods of Conn return them inside a
// *net.OpError, as net does with its own.
var (
	// ErrNoPath says that no local address is known to send from: the Path has
	// none, the datagram's was lost on receipt, or, with ListenConfig.Strict,
	// the remote address is unknown or was seen on more than one local address.
	ErrNoPath = errors.New("dsrudp: no local address known to send from; reply with the Path or the address that the datagram came with")

	// ErrNotLocal says that the local address asked for cannot be a source
	// here: no address or local route of the host has it (any more), or that
	// could not be asked, or it is a group, a loopback address towards a remote
	// peer, of another family than the peer, a link-local address without its
	// zone, or has another port than the Conn is bound to.
	ErrNotLocal = errors.New("dsrudp: not a local address")

	// ErrTruncated says that a datagram was longer than the buffer, or that
	// its control messages were cut. What fitted is valid.
	ErrTruncated = errors.New("dsrudp: datagram or its control messages truncated; what did not fit is lost")

	// ErrNotSupported says that this system, or this socket, cannot do what
	// was asked. It matches errors.ErrUnsupported.
	ErrNotSupported = fmt.Errorf("dsrudp: not supported here: %w", errors.ErrUnsupported)
)

// A sourceError tells why a local address cannot be the source. It matches
// ErrNotLocal and, where the kernel refused, the kernel's error.
type sourceError struct {
	local  netip.Addr
	remote netip.Addr
	why    string // after "cannot send from L to R: "
	cause  error  // the kernel's word, or nil when the library refused
}

func (e *sourceError) Error() string {
	s := "dsrudp: cannot send from " + e.local.String() + " to " + e.remote.String() + ": " + e.why
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

func (e *sourceError) Is(target error) bool { return target == ErrNotLocal }
func (e *sourceError) Unwrap() error        { return e.cause }

// Reasons of a sourceError.
const (
	whyNotLocal = "no address or local route of this host has the local address; add it, as with `ip route add local ADDRESS dev DEVICE`, or answer from the Path that was received"
	whyGroup    = "a group cannot be a source; answer from the Path that was received, whose local address is the interface's own"
	whyFamily   = "the addresses are of different families"
	whyLoopback = "a loopback address cannot be the source towards another host"
	whyZone     = "a link-local address means nothing without the zone of an interface that there is; answer from the Path that was received"
	whyBound    = "the Conn is bound to one address, and that is the only one the kernel would choose"
	whyPort     = "the local port is not the one that the Conn is bound to; use that or 0"
	whyUnasked  = "the kernel could not be asked whether the local address is this host's"
)
