//go:build linux || darwin || freebsd || netbsd || openbsd

package mmsg

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Bind returns the address that the socket is bound to. One that has no port yet is bound
// first, to a free one.
func Bind(fd uintptr) (*net.UDPAddr, error) {
	sa, err := unix.Getsockname(int(fd))
	if err == nil && port(sa) == 0 {
		if err := unix.Bind(int(fd), sa); err != nil {
			return nil, os.NewSyscallError("bind", err)
		}
		sa, err = unix.Getsockname(int(fd))
	}
	if err != nil {
		return nil, os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return &net.UDPAddr{IP: sa.Addr[:], Port: sa.Port}, nil
	case *unix.SockaddrInet6:
		zone := ""
		if sa.ZoneId != 0 {
			zone, _ = InterfaceName(fd, sa.ZoneId)
		}
		return &net.UDPAddr{IP: sa.Addr[:], Port: sa.Port, Zone: zone}, nil
	}
	return nil, fmt.Errorf("%T is no address of UDP", sa)
}

func port(sa unix.Sockaddr) int {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return sa.Port
	case *unix.SockaddrInet6:
		return sa.Port
	}
	return -1
}
