package sockopt

import (
	"os"

	"golang.org/x/sys/unix"
)

// SetFreeBind lets the socket bind to, and an IPv6 one also send from, an
// address that no interface owns: IP_FREEBIND of ip(7), which on an AF_INET6
// socket is IPV6_FREEBIND. It needs no privilege.
func SetFreeBind(fd uintptr) error {
	return os.NewSyscallError("setsockopt IP_FREEBIND", unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_FREEBIND, 1))
}

// SetReusePort lets several sockets of one user share an address and the
// datagrams that come to it: SO_REUSEPORT of socket(7).
func SetReusePort(fd uintptr) error {
	return os.NewSyscallError("setsockopt SO_REUSEPORT", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

// Unguarded reports whether the kernel lets the socket send IPv4, and IPv6,
// datagrams from addresses that are not the host's: with IP_TRANSPARENT both,
// with IP_FREEBIND those of IPv6. The options share their bits between the
// families.
func Unguarded(fd uintptr) (ipv4, ipv6 bool) {
	transparent, _ := unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TRANSPARENT)
	freebind, _ := unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_FREEBIND)
	return transparent != 0, transparent != 0 || freebind != 0
}
