package mmsg

import (
	"errors"
	"net"
)

// Kind is a kind of send failure, by its error.
type Kind uint8

const (
	Other       Kind = iota
	TooLong          // the datagram, or a segment, is longer than the path or the protocol lets through
	Denied           // a filter or a route forbids it
	Unreachable      // no route, or nobody there
	NoBuffer         // the system had no room for it
	Invalid          // EINVAL: one of many things
	IO               // EIO: the device on the way cannot do checksums, which segmentation needs

	Kinds // how many there are
)

// ErrOutdated is returned by a send that had to wait, and has sent nothing, as what it
// was given may be right no longer. See Heed.
var ErrOutdated = errors.New("mmsg: what was to be sent may be right no longer")

// unwrap takes the error out of net's *net.OpError.
func unwrap(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
