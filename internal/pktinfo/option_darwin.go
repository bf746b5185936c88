package pktinfo

import (
	"os"

	"golang.org/x/sys/unix"
)

var native = darwinLayout()

// An index out of range here means that layout.go has another number than the
// system's headers.
var (
	_ = [1]struct{}{}[darwin4-unix.IP_PKTINFO]
	_ = [1]struct{}{}[darwin6-unix.IPV6_PKTINFO]
	_ = [1]struct{}{}[darwin6old-unix.IPV6_2292PKTINFO]
)

// setOption uses IP_RECVPKTINFO and IPV6_RECVPKTINFO of netinet/in.h and
// netinet6/in6.h, the latter with the numbers of RFC 3542.
//
// An AF_INET6 socket takes no options of IPv4 (udp_ctloutput); its IPV6_PKTINFO has
// the destination of IPv4 datagrams in IPv4-mapped form (ip6_savecontrol_v4).
func setOption(fd uintptr, f Family, on int) error {
	if f != IPv4 {
		return setIPv6(fd, on)
	}
	return os.NewSyscallError("setsockopt IP_RECVPKTINFO",
		unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVPKTINFO, on))
}
