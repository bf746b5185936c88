//go:build !unix && !windows

package mmsg

import "errors"

var (
	// ErrWouldBlock is returned by a send that finds no room in the send buffer. Net waits
	// for room here.
	ErrWouldBlock = errors.New("no room in the send buffer")
	// ErrTooLong is the error for a datagram longer than any can be.
	ErrTooLong = errors.New("message too long")
)

// KindOf returns the kind of a send's error.
func KindOf(error) Kind { return Other }

// MayBeBadSource reports whether by err, a send's, the system may mean that the source
// address is not local.
func MayBeBadSource(error) bool { return false }

// AddrNotAvailable reports whether err says that an address is not one of the host's.
func AddrNotAvailable(error) bool { return false }

// Refused is false: it matters to messages of several datagrams, which these systems do
// not take.
func Refused(error) bool { return false }
