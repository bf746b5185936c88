//go:build freebsd || netbsd || openbsd

package pktinfo

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

const ptrSize = bits.UintSize / 8

// SourceSize is the most, in bytes, that AppendSource appends to a slice that
// holds whole messages, on the architecture that aligns most.
const SourceSize = 16 + 32

func nativeLayout() layout { return bsdLayout(bsdAlign(runtime.GOOS, runtime.GOARCH, ptrSize)) }

// set uses IP_RECVDSTADDR of ip(4) and IPV6_RECVPKTINFO of ip6(4).
//
// On FreeBSD's AF_INET6 sockets IPV6_PKTINFO tells the destination of IPv4
// datagrams in IPv4-mapped form (ip6_savecontrol_v4), and IP_SENDSRCADDR
// chooses their source. OpenBSD has no dual-stack sockets. NetBSD has, but
// chooses the source of their IPv4 datagrams itself, whatever control data
// says (udp6_output).
func set(fd uintptr, f Family, on int) error {
	switch f {
	case IPv4:
		return os.NewSyscallError("setsockopt IP_RECVDSTADDR",
			unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVDSTADDR, on))
	case IPv6:
		return set6(fd, on)
	case Dual:
		if runtime.GOOS != "freebsd" {
			return fmt.Errorf("%s cannot choose the source of IPv4 datagrams on a dual-stack socket, open one for udp4 and one for udp6: %w",
				runtime.GOOS, errors.ErrUnsupported)
		}
		return set6(fd, on)
	}
	return errFamily(f)
}
