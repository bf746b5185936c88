//go:build darwin || freebsd || netbsd || openbsd

package pktinfo

import (
	"os"

	"golang.org/x/sys/unix"
)

// familyOf asks for the socket's name, which has the family before it is bound
// too: not all of these systems have SO_DOMAIN.
func familyOf(fd uintptr) (Family, error) {
	name, err := unix.Getsockname(int(fd))
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	switch name.(type) {
	case *unix.SockaddrInet4:
		return IPv4, nil
	case *unix.SockaddrInet6:
		return family6(fd)
	}
	return 0, errNotInternet(name)
}
