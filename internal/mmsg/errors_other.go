//go:build !unix && !windows

package mmsg

import "errors"

// ErrTooLong is the system's error for a datagram longer than any can be.
var ErrTooLong = errors.New("message too long")

// KindOf returns the kind of a send's error.
func KindOf(error) Kind { return Other }

// WouldBlock reports whether a call that was not to wait would have had to.
func WouldBlock(error) bool { return false }

// MayBeBadSource reports whether a send failed with an error by which the
// system may mean that the source address is not local.
func MayBeBadSource(error) bool { return false }

// AddrNotAvailable reports whether err is the system's word that an address is
// not one of the host's.
func AddrNotAvailable(error) bool { return false }

// Refused is false: it matters to messages of several datagrams, of which these systems
// are given none.
func Refused(error) bool { return false }
