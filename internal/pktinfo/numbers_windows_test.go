package pktinfo

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// An index out of range here means that layout.go has another number than the
// system's headers.
var (
	_ = [1]struct{}{}[windows4-windows.IP_PKTINFO]
	_ = [1]struct{}{}[windows6-windows.IPV6_PKTINFO]
	_ = [1]struct{}{}[levelIPv4-windows.IPPROTO_IP]
	_ = [1]struct{}{}[levelIPv6-windows.IPPROTO_IPV6]
	_ = [1]struct{}{}[ptrSize+8-unsafe.Sizeof(windows.WSACMSGHDR{})]
	_ = [1]struct{}{}[size6-unsafe.Sizeof(windows.IN6_PKTINFO{})]
)
