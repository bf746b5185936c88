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

// setOption uses the socket options IP_PKTINFO and IPV6_PKTINFO. A dual-stack socket
// needs both to receive the destination of IPv4 datagrams (WSARecvMsg); where IPv4 is
// disabled it refuses IP_PKTINFO with WSAEINVAL, and has no IPv4 datagrams.
func setOption(fd uintptr, f Family, on int) error {
	h := windows.Handle(fd)
	if f != IPv4 {
		err := windows.SetsockoptInt(h, windows.IPPROTO_IPV6, windows.IPV6_PKTINFO, on)
		if err != nil || f == IPv6 {
			return os.NewSyscallError("setsockopt IPV6_PKTINFO", err)
		}
	}
	err := windows.SetsockoptInt(h, windows.IPPROTO_IP, windows.IP_PKTINFO, on)
	if f == Dual && errors.Is(err, windows.WSAEINVAL) {
		return nil
	}
	return os.NewSyscallError("setsockopt IP_PKTINFO", err)
}
