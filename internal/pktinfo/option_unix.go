//go:build linux || darwin || freebsd || netbsd || openbsd

package pktinfo

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// An index out of range here means that layout.go has another number than the
// system's headers.
var (
	_ = [1]struct{}{}[levelIPv4-unix.IPPROTO_IP]
	_ = [1]struct{}{}[levelIPv6-unix.IPPROTO_IPV6]
	_ = [1]struct{}{}[size6-unix.SizeofInet6Pktinfo]
)

// familyOf reads the socket's name, which has the family before it is bound too: not
// all of these systems have SO_DOMAIN.
func familyOf(fd uintptr) (Family, error) {
	name, err := unix.Getsockname(int(fd))
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	switch name.(type) {
	case *unix.SockaddrInet4:
		return IPv4, nil
	case *unix.SockaddrInet6:
		only, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
		if err != nil {
			return 0, os.NewSyscallError("getsockopt IPV6_V6ONLY", err)
		}
		if only == 0 {
			return Dual, nil
		}
		return IPv6, nil
	}
	return 0, errNotInternet(fmt.Sprintf("%T", name))
}

// See ipv6(7) and RFC 3542, section 6.
var option6 = option{"IPV6_RECVPKTINFO", unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO}

func (o *option) get(fd uintptr) bool {
	on, err := unix.GetsockoptInt(int(fd), o.level, o.number)
	return on != 0 && err == nil
}

func (o *option) set(fd uintptr, on int) error {
	return os.NewSyscallError("setsockopt "+o.name, unix.SetsockoptInt(int(fd), o.level, o.number, on))
}
