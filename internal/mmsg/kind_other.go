//go:build !unix && !windows

package mmsg

import "errors"

// ErrTooLong is the system's error for a datagram longer than any can be.
var ErrTooLong = errors.New("message too long")

// KindOf returns the kind of a send's error.
func KindOf(error) Kind { return Other }

func wouldBlock(error) bool { return false }
