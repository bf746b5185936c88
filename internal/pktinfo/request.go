package pktinfo

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
)

// requests is what control data asks for, by the level of the messages.
type requests struct {
	v4, v6         Request
	found4, found6 bool
}

func (l *layout) requests(oob []byte) (rs requests, err error) {
	all := oob
	for {
		m, rest, ok := l.next(oob)
		if !ok {
			break
		}
		switch l.kind(m) {
		case l.kind4:
			d := l.dataOf(m)
			if len(d) != l.size4 {
				return requests{}, errSize("IPv4", d, l.size4)
			}
			l.request4(&rs.v4, d)
			rs.found4 = true
		case l.kind6, l.old6:
			d := l.dataOf(m)
			if len(d) < size6 || len(d) > size6 && !l.long6 {
				return requests{}, errSize("IPv6", d, size6)
			}
			request6(&rs.v6, d)
			rs.found6 = true
		}
		oob = rest
	}
	// Fewer bytes than a header are not a message.
	if len(oob) >= l.header {
		return requests{}, fmt.Errorf("control message at byte %d of %d has length %d: %w",
			len(all)-len(oob), len(all), l.length(oob), syscall.EINVAL)
	}
	return rs, nil
}

func errSize(family string, data []byte, want int) error {
	return fmt.Errorf("%s packet information of %d bytes in a control message, want %d: %w",
		family, len(data), want, syscall.EINVAL)
}

// request4 notes an IPv4 message. As in the kernel, the source of the last
// message holds, and the index of the last one that has one.
func (l *layout) request4(r *Request, d []byte) {
	r.V4 = true
	r.Src = unlessZero(netip.AddrFrom4([4]byte(d[l.src4:])))
	if l.dst4 != l.src4 {
		r.HeaderDst = unlessZero(netip.AddrFrom4([4]byte(d[l.dst4:])))
	}
	if l.index4 < 0 {
		return
	}
	if n := binary.NativeEndian.Uint32(d[l.index4:]); n != 0 {
		r.IfIndex = n
	}
}

// request6 notes an IPv6 message. As in the kernel, the last source and the last
// index hold, whichever messages have them.
func request6(r *Request, d []byte) {
	if a := netip.AddrFrom16([16]byte(d[addr6:])).Unmap(); !a.IsUnspecified() {
		r.Src = a
	}
	if n := binary.NativeEndian.Uint32(d[index6:]); n != 0 {
		r.IfIndex = n
	}
}

func unlessZero(a netip.Addr) netip.Addr {
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}
