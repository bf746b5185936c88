package pktinfo

import "golang.org/x/sys/unix"

// An index out of range here means that layout.go has another number than the
// system's headers.
var (
	_ = [1]struct{}{}[darwin4-unix.IP_PKTINFO]
	_ = [1]struct{}{}[darwin6-unix.IPV6_PKTINFO]
	_ = [1]struct{}{}[darwin6old-unix.IPV6_2292PKTINFO]
	_ = [1]struct{}{}[levelIPv4-unix.IPPROTO_IP]
	_ = [1]struct{}{}[levelIPv6-unix.IPPROTO_IPV6]
	_ = [1]struct{}{}[size6-unix.SizeofInet6Pktinfo]
)
