package pktinfo

import (
	"errors"
	"math/bits"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

const ptrSize = bits.UintSize / 8

// SourceSize is the most, in bytes, that AppendSource appends to a slice that
// holds whole messages.
const SourceSize = ptrSize + 8 + (size6+ptrSize-1)&^(ptrSize-1)

func nativeLayout() layout { return windowsLayout(ptrSize) }

// protocolInfo is SO_PROTOCOL_INFOW of winsock2.h.
const protocolInfo = 0x2005

// familyOf asks for the socket's protocol: a socket that is not bound has no
// name here.
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

// set uses the socket options IP_PKTINFO and IPV6_PKTINFO. A dual-stack socket
// needs both to tell the destination of IPv4 datagrams (WSARecvMsg); where
// IPv4 is disabled it refuses IP_PKTINFO with WSAEINVAL, and has no IPv4
// datagrams.
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
		if err := set4(fd, on); !errors.Is(err, windows.WSAEINVAL) {
			return err
		}
		return nil
	}
	return errFamily(f)
}

func set4(fd uintptr, on int) error {
	return os.NewSyscallError("setsockopt IP_PKTINFO",
		windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IP, windows.IP_PKTINFO, on))
}

func set6(fd uintptr, on int) error {
	return os.NewSyscallError("setsockopt IPV6_PKTINFO",
		windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IPV6, windows.IPV6_PKTINFO, on))
}
