//go:build darwin || freebsd || netbsd || openbsd || windows

package pktinfo

import "net/netip"

func unicast4(oob []byte) (a netip.Addr, ok bool) {
	info := Parse(oob)
	return info.Local, info.Local == info.Dst && info.Local.Is4() && info.SegmentSize == 0 && info.ECN == 0
}

// appendSource4 is AppendSource for the IPv4 address a alone.
func appendSource4(oob []byte, a [4]byte) []byte {
	return native.appendSource(oob, true, netip.AddrFrom4(a), 0)
}
