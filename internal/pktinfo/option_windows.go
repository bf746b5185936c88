package pktinfo

import (
	"errors"
	"math/bits"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

var native = windowsLayout(bits.UintSize / 8)

// An index out of range here means that layout.go has another number than the
// system's headers.
var (
	_ = [1]struct{}{}[levelIPv4-windows.IPPROTO_IP]
	_ = [1]struct{}{}[levelIPv6-windows.IPPROTO_IPV6]
	_ = [1]struct{}{}[windows4-windows.IP_PKTINFO]
	_ = [1]struct{}{}[windows6-windows.IPV6_PKTINFO]
	_ = [1]struct{}{}[bits.UintSize/8+8-unsafe.Sizeof(windows.WSACMSGHDR{})]
	_ = [1]struct{}{}[size6-unsafe.Sizeof(windows.IN6_PKTINFO{})]
)

// protocolInfo is SO_PROTOCOL_INFOW of winsock2.h.
const protocolInfo = 0x2005

// familyOf reads the socket's protocol: a socket that is not bound has no name here.
func familyOf(fd uintptr) (Family, error) {
	var info windows.WSAProtocolInfo
	size := int32(unsafe.Sizeof(info))
	err := windows.Getsockopt(windows.Handle(fd), windows.SOL_SOCKET, protocolInfo, (*byte)(unsafe.Pointer(&info)), &size)
	if err != nil {
		return 0, os.NewSyscallError("getsockopt SO_PROTOCOL_INFOW", err)
	}
	switch info.AddressFamily {
	case windows.AF_INET:
		return IPv4, nil
	case windows.AF_INET6:
		only, err := windows.GetsockoptInt(windows.Handle(fd), windows.IPPROTO_IPV6, windows.IPV6_V6ONLY)
		if err != nil {
			return 0, os.NewSyscallError("getsockopt IPV6_V6ONLY", err)
		}
		if only == 0 {
			return Dual, nil
		}
		return IPv6, nil
	}
	return 0, errNotInternet(info.AddressFamily)
}

var (
	option4 = option{"IP_PKTINFO", windows.IPPROTO_IP, windows.IP_PKTINFO}
	option6 = option{"IPV6_PKTINFO", windows.IPPROTO_IPV6, windows.IPV6_PKTINFO}
)

// needs gives a dual-stack socket both options, without which it does not receive the
// destination of IPv4 datagrams (WSARecvMsg).
func needs(f Family) (Messages, error) { return Messages{f != IPv6, f != IPv4}, nil }

func (o *option) get(fd uintptr) bool {
	on, err := windows.GetsockoptInt(windows.Handle(fd), o.level, o.number)
	return on != 0 && err == nil
}

// set takes it as done where IPv4 is disabled: a dual-stack socket then refuses IP_PKTINFO
// with WSAEINVAL, and receives no IPv4 datagrams.
func (o *option) set(fd uintptr, on int) error {
	err := windows.SetsockoptInt(windows.Handle(fd), o.level, o.number, on)
	if o == &option4 && errors.Is(err, windows.WSAEINVAL) {
		return nil
	}
	return os.NewSyscallError("setsockopt "+o.name, err)
}
