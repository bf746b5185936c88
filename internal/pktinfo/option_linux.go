package pktinfo

import (
	"math/bits"
	"os"

	"golang.org/x/sys/unix"
)

var native = linuxLayout(bits.UintSize / 8)

// An index out of range here means that layout.go has another number than the
// system's headers.
var (
	_ = [1]struct{}{}[linux4-unix.IP_PKTINFO]
	_ = [1]struct{}{}[linux6-unix.IPV6_PKTINFO]
	_ = [1]struct{}{}[linux6old-unix.IPV6_2292PKTINFO]
)

// setOption uses IP_PKTINFO of ip(7) and IPV6_RECVPKTINFO of ipv6(7). A dual-stack
// socket has both: the IPv6 message of an IPv4 datagram has the destination in
// the header, which may be a broadcast address.
func setOption(fd uintptr, f Family, on int) error {
	if f != IPv4 {
		if err := setIPv6(fd, on); err != nil || f == IPv6 {
			return err
		}
	}
	return os.NewSyscallError("setsockopt IP_PKTINFO",
		unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, on))
}
