//go:build darwin || freebsd || netbsd || openbsd || windows

package pktinfo

import "net/netip"

func unicast4(oob []byte) (a uint32, segment int, ok bool) { return native.unicast4(oob) }

// appendSource4 is AppendSource for the IPv4 address a alone.
func appendSource4(oob []byte, a [4]byte) []byte {
	return native.appendSource(oob, true, netip.AddrFrom4(a), 0)
}

func appendSegmentSize(oob []byte, size int) []byte { return native.appendSegmentSize(oob, size) }
