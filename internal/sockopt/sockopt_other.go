//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd

package sockopt

import (
	"errors"
	"fmt"
)

// SetFreeBind is Linux's alone.
func SetFreeBind(uintptr) error {
	return fmt.Errorf("binding to an address that is not local: %w", errors.ErrUnsupported)
}

// SetReusePort needs SO_REUSEPORT, which this system has not.
func SetReusePort(uintptr) error {
	return fmt.Errorf("several sockets on one address: %w", errors.ErrUnsupported)
}

// Unguarded reports whether the system lets the socket send from addresses
// that are not the host's.
func Unguarded(uintptr) (ipv4, ipv6 bool) { return false, false }
