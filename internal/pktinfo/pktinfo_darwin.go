package pktinfo

import (
	"os"

	"golang.org/x/sys/unix"
)

// SourceSize is the most, in bytes, that AppendSource appends to a slice that
// holds whole messages.
const SourceSize = 12 + size6

func nativeLayout() layout { return darwinLayout() }

// set uses IP_RECVPKTINFO and IPV6_RECVPKTINFO of netinet/in.h and
// netinet6/in6.h, the latter with the numbers of RFC 3542.
//
// An AF_INET6 socket takes no options of IPv4 (udp_ctloutput); its
// IPV6_PKTINFO tells the destination of IPv4 datagrams in IPv4-mapped form
// (ip6_savecontrol_v4).
func set(fd uintptr, f Family, on int) error {
	switch f {
	case IPv4:
		return os.NewSyscallError("setsockopt IP_RECVPKTINFO",
			unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVPKTINFO, on))
	case IPv6, Dual:
		return set6(fd, on)
	}
	return errFamily(f)
}
