package pktinfo

import (
	"math/bits"

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

// See ip(7).
var option4 = option{"IP_PKTINFO", unix.IPPROTO_IP, unix.IP_PKTINFO}

// needs gives a dual-stack socket both options: the IPv6 message of an IPv4 datagram has
// the destination in the header, which may be a broadcast address.
func needs(f Family) (Messages, error) { return Messages{f != IPv6, f != IPv4}, nil }
