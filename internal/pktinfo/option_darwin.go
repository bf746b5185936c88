package pktinfo

import "golang.org/x/sys/unix"

var native = darwinLayout()

// An index out of range here means that layout.go has another number than the
// system's headers.
var (
	_ = [1]struct{}{}[darwin4-unix.IP_PKTINFO]
	_ = [1]struct{}{}[darwin6-unix.IPV6_PKTINFO]
	_ = [1]struct{}{}[darwin6old-unix.IPV6_2292PKTINFO]
)

// See netinet/in.h.
var option4 = option{"IP_RECVPKTINFO", unix.IPPROTO_IP, unix.IP_RECVPKTINFO}

// needs: an AF_INET6 socket takes no options of IPv4 (udp_ctloutput); its IPV6_PKTINFO
// has the destination of IPv4 datagrams in IPv4-mapped form (ip6_savecontrol_v4).
func needs(f Family) (Messages, error) { return Messages{f == IPv4, f != IPv4}, nil }
