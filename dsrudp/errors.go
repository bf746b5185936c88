package dsrudp

import (
	"errors"
	"fmt"
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

// notSupported makes an error of a system that lacks something match
// ErrNotSupported.
func notSupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, ErrNotSupported) {
		return fmt.Errorf("%w: %w", ErrNotSupported, err)
	}
	return err
}
