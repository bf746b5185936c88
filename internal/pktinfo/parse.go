package pktinfo

import (
	"encoding/binary"
	"net/netip"
)

// parse fills in a zero info. It does not return one because that would copy
// it, which takes longer than to parse it.
func (l *layout) parse(info *Info, oob []byte) {
	if l.onlyIPv4(oob) { // a matter of speed
		l.parse4(info, oob[l.data:])
		return
	}
	var info4, info6 []byte
	for {
		m, rest, ok := l.next(oob)
		if !ok {
			break
		}
		// A message the kernel cut counts as none.
		switch l.kind(m) {
		case l.kind4:
			if d := l.dataOf(m); len(d) >= l.size4 {
				info4 = d
			}
		case l.kind6:
			if d := l.dataOf(m); len(d) >= size6 {
				info6 = d
			}
		case l.gro:
			if d := l.dataOf(m); len(d) >= 4 {
				info.SegmentSize = int(int32(binary.NativeEndian.Uint32(d)))
			}
		case l.tos:
			if d := l.dataOf(m); len(d) >= 1 {
				info.ECN = d[0] & ecnMask
			}
		case l.class:
			if d := l.dataOf(m); len(d) >= 4 {
				info.ECN = uint8(binary.NativeEndian.Uint32(d)) & ecnMask
			}
		}
		oob = rest
	}
	// With both options on, an IPv4 datagram comes with both messages, and
	// only the IPv4 one knows where to answer a broadcast from.
	switch {
	case info4 != nil:
		l.parse4(info, info4)
	case info6 != nil:
		parse6(info, info6)
	}
}

// unicast4 is Unicast4 for any layout. It knows an IPv4 message that is alone, or
// behind one with a segment size, where parse would find one address for Local and
// for Dst.
func (l *layout) unicast4(oob []byte) (a uint32, segment int, ok bool) {
	if space := l.space(4); len(oob) == space+len(l.empty4) && l.kind(oob) == l.gro && l.length(oob) == uint64(l.data+4) {
		segment = int(int32(binary.NativeEndian.Uint32(oob[l.data:])))
		oob = oob[space:]
	}
	if !l.onlyIPv4(oob) {
		return 0, 0, false
	}
	d := oob[l.data:]
	a = binary.BigEndian.Uint32(d[l.local4:])
	if binary.BigEndian.Uint32(d[l.dst4:]) != a || !mayBeSource(a) {
		return 0, 0, false
	}
	return a, segment, true
}

// onlyIPv4 reports whether oob is the one IPv4 message that most IPv4 datagrams
// come with.
func (l *layout) onlyIPv4(oob []byte) bool {
	return len(oob) == len(l.empty4) && l.kind(oob) == l.kind4 && l.length(oob) == uint64(l.data+l.size4)
}

func (l *layout) parse4(info *Info, d []byte) {
	info.Dst = netip.AddrFrom4([4]byte(d[l.dst4:]))
	// Linux leaves spec_dst zero in a datagram that it queued before the
	// option was set. The destination is no substitute: it may be a
	// broadcast address.
	if mayBeSource(binary.BigEndian.Uint32(d[l.local4:])) {
		info.Local = netip.AddrFrom4([4]byte(d[l.local4:]))
	}
	if l.index4 >= 0 {
		info.IfIndex = binary.NativeEndian.Uint32(d[l.index4:])
	}
}

func parse6(info *Info, d []byte) {
	dst := netip.AddrFrom16([16]byte(d[addr6:]))
	info.IfIndex = binary.NativeEndian.Uint32(d[index6:])
	switch {
	case dst.Is4In6():
		dst = dst.Unmap()
		if a := dst.As4(); mayBeSource(binary.BigEndian.Uint32(a[:])) {
			info.Local = dst
		}
	case dst.IsMulticast():
		if info.IfIndex != 0 {
			info.Local = netip.IPv6Unspecified()
		}
	case !dst.IsUnspecified():
		info.Local = dst
	}
	info.Dst = dst
}

// mayBeSource reports whether the IPv4 address a can be the source of a datagram as
// far as the address alone tells.
func mayBeSource(a uint32) bool {
	multicast := a>>28 == 0xe
	return a != 0 && a != 0xffffffff && !multicast
}
