//go:build !linux

package sockopt

import (
	"errors"
	"fmt"
)

// SetGRO is Linux's alone.
func SetGRO(uintptr) error {
	return fmt.Errorf("receiving trains of datagrams: %w", errors.ErrUnsupported)
}

// GRO reports whether the socket receives trains of datagrams as one.
func GRO(uintptr) bool { return false }

// Segments reports whether the kernel cuts a message into segments.
func Segments(uintptr) bool { return false }

// SetRecvClass is known for Linux alone.
func SetRecvClass(uintptr, bool, bool) error {
	return fmt.Errorf("ECN: %w", errors.ErrUnsupported)
}

// Classes says that datagrams can be marked one by one.
const Classes = false

// Class returns the socket's own type of service or traffic class.
func Class(uintptr, bool) uint8 { return 0 }

// Drops returns the number of datagrams dropped because the receive buffer was
// full, which only Linux tells.
func Drops(uintptr) (n uint32, ok bool) { return 0, false }
