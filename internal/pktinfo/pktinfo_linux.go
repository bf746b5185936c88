package pktinfo

import (
	"math/bits"
	"os"

	"golang.org/x/sys/unix"
)

const ptrSize = bits.UintSize / 8

// SourceSize is the most, in bytes, that AppendSource appends to a slice that
// holds whole messages.
const SourceSize = ptrSize + 8 + (size6+ptrSize-1)&^(ptrSize-1)

func nativeLayout() layout { return linuxLayout(ptrSize) }

func familyOf(fd uintptr) (Family, error) {
	domain, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return 0, os.NewSyscallError("getsockopt SO_DOMAIN", err)
	}
	switch domain {
	case unix.AF_INET:
		return IPv4, nil
	case unix.AF_INET6:
		return family6(fd)
	}
	return 0, errNotInternet(domain)
}

// set uses IP_PKTINFO of ip(7) and IPV6_RECVPKTINFO of ipv6(7). A dual-stack
// socket has both: the IPv6 message of an IPv4 datagram has the destination in
// the header, which may be a broadcast address.
func set(fd uintptr, f Family, on int) error {
	switch f {
	case IPv4:
		return set4(fd, on)
	case IPv6:
		return set6(fd, on)
	case Dual:
		if err := set6(fd, on); err != nil {
			return err
		}
		return set4(fd, on)
	}
	return errFamily(f)
}

func set4(fd uintptr, on int) error {
	return os.NewSyscallError("setsockopt IP_PKTINFO",
		unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, on))
}
