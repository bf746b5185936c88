package pktinfo

import (
	"encoding/binary"
	"net/netip"
)

func (l *layout) appendSource(oob []byte, v4 bool, src netip.Addr, ifindex uint32) []byte {
	chosen := src.IsValid() && !src.IsUnspecified()
	if v4 && (l.index4 < 0 || chosen && l.indexWins) {
		ifindex = 0
	}
	// An empty message is not the same as none: on a bound socket it makes
	// Linux forget the bound address.
	if !chosen && ifindex == 0 {
		return oob
	}
	oob = l.pad(oob)
	at := len(oob) + l.data
	if !v4 {
		oob = append(oob, l.empty6...)
		d := oob[at:]
		if chosen {
			*(*[16]byte)(d[addr6:]) = src.As16()
		}
		binary.NativeEndian.PutUint32(d[index6:], ifindex)
		return oob
	}
	oob = append(oob, l.empty4...)
	if chosen {
		*(*[4]byte)(oob[at+l.src4:]) = src.As4()
	}
	if ifindex != 0 {
		binary.NativeEndian.PutUint32(oob[at+l.index4:], ifindex)
	}
	return oob
}

func (l *layout) appendOthers(dst, oob []byte) []byte {
	for {
		m, rest, ok := l.next(oob)
		if !ok {
			return dst
		}
		switch l.kind(m) {
		case l.kind4, l.kind6, l.old6:
		default:
			dst = l.pad(append(l.pad(dst), m...))
		}
		oob = rest
	}
}
