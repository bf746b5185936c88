//go:build linux || darwin || freebsd || netbsd || openbsd

package pktinfo

import (
	"os"

	"golang.org/x/sys/unix"
)

// family6 returns the family of an AF_INET6 socket.
func family6(fd uintptr) (Family, error) {
	only, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
	if err != nil {
		return 0, os.NewSyscallError("getsockopt IPV6_V6ONLY", err)
	}
	if only == 0 {
		return Dual, nil
	}
	return IPv6, nil
}

func set6(fd uintptr, on int) error {
	return os.NewSyscallError("setsockopt IPV6_RECVPKTINFO",
		unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, on))
}
