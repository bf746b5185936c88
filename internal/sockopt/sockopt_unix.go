//go:build darwin || freebsd || netbsd || openbsd

package sockopt

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// SetFreeBind is Linux's alone.
func SetFreeBind(uintptr) error {
	return fmt.Errorf("binding to an address that is not local: %w", errors.ErrUnsupported)
}

// SetReusePort lets several sockets of one user share an address:
// SO_REUSEPORT of setsockopt(2). These systems may give all datagrams to one
// of them.
func SetReusePort(fd uintptr) error {
	return os.NewSyscallError("setsockopt SO_REUSEPORT", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

// Unguarded reports whether the kernel lets the socket send from addresses
// that are not the host's.
func Unguarded(uintptr) (ipv4, ipv6 bool) { return false, false }
