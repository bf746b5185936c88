package pktinfo

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
)

// Parse stores in info, which is zero, what the control messages oob of a received
// datagram say. It reads no further than the first that is malformed, and counts one
// that was cut as none. It needs the options that [Enable] sets.
//
// Of a dual-stack socket's two messages for an IPv4 datagram the IPv4 one is taken.
// A caller that saw MSG_CTRUNC cannot know that it was not lost.
func Parse(oob []byte, info *Info) { native.parse(oob, info) }

// ParseRequest returns the source that the control messages oob, meant for sending,
// ask for towards an IPv4 or IPv6 peer. Like the kernel, it prefers a message of the
// peer's family. It returns one of the other family if that is the only one, so that
// the caller can refuse the source: the kernel silently ignores an IPv4 message
// towards an IPv6 peer.
//
// It returns an error that matches EINVAL, as the kernel does, if a message has an
// impossible length or one that names a source is not of its size.
func ParseRequest(oob []byte, v4 bool) (Request, error) { return native.parseRequest(oob, v4) }

// SegmentSize returns the length in bytes of each datagram but the last as which a payload
// leaves that is sent with the control messages oob (UDP_SEGMENT), 0 if they do not divide
// it.
func SegmentSize(oob []byte) int { return native.segmentSize(oob) }

// ecnMask covers the bits of the ECN field in what IPv4 calls the type of service
// and IPv6 the traffic class (RFC 3168, section 5).
const ecnMask = 3

func (l *layout) parse(oob []byte, info *Info) {
	var data4, data6 []byte
	for {
		m, rest, ok := l.next(oob)
		if !ok {
			break
		}
		// A message that the kernel cut counts as none.
		switch l.kind(m) {
		case l.kind4:
			if d := l.dataOf(m); len(d) >= l.size4 {
				data4 = d
			}
		case l.kind6:
			if d := l.dataOf(m); len(d) >= size6 {
				data6 = d
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
	// only the IPv4 one has the address to answer a broadcast from.
	switch {
	case data4 != nil:
		l.parse4(data4, info)
	case data6 != nil:
		parse6(data6, info)
	}
}

func (l *layout) parse4(d []byte, info *Info) {
	info.Dst = netip.AddrFrom4([4]byte(d[l.dst4:]))
	// Linux leaves spec_dst zero in a datagram that it queued before the
	// option was set. The destination is no substitute: it may be a
	// broadcast address.
	if local := [4]byte(d[l.local4:]); mayBeSource(local) {
		info.Local = netip.AddrFrom4(local)
	}
	if l.index4 >= 0 {
		info.Ifindex = binary.NativeEndian.Uint32(d[l.index4:])
	}
}

func parse6(d []byte, info *Info) {
	dst := netip.AddrFrom16([16]byte(d[addr6:]))
	info.Ifindex = binary.NativeEndian.Uint32(d[index6:])
	switch {
	case dst.Is4In6():
		dst = dst.Unmap()
		if mayBeSource(dst.As4()) {
			info.Local = dst
		}
	case dst.IsMulticast():
		if info.Ifindex != 0 {
			info.Local = netip.IPv6Unspecified()
		}
	case !dst.IsUnspecified():
		info.Local = dst
	}
	info.Dst = dst
}

// mayBeSource reports whether the IPv4 address b can be the source of a datagram as
// far as the address alone shows.
func mayBeSource(b [4]byte) bool {
	a := binary.BigEndian.Uint32(b[:])
	multicast := a>>28 == 0xe
	return a != 0 && a != 0xffffffff && !multicast
}

func (l *layout) parseRequest(oob []byte, v4 bool) (Request, error) {
	var r4, r6 Request
	var found4, found6 bool
	rest := oob
	for {
		m, next, ok := l.next(rest)
		if !ok {
			break
		}
		d := l.dataOf(m)
		switch l.kind(m) {
		case l.kind4:
			if len(d) != l.size4 {
				return Request{}, errSize("IPv4", d, l.size4)
			}
			l.request4(d, &r4)
			found4 = true
		case l.kind6, l.old6:
			if len(d) < size6 || len(d) > size6 && !l.long6 {
				return Request{}, errSize("IPv6", d, size6)
			}
			request6(d, &r6)
			found6 = true
		}
		rest = next
	}
	// Fewer bytes than a header are not a message.
	if len(rest) >= l.header {
		return Request{}, fmt.Errorf("control message at byte %d of %d has length %d: %w",
			len(oob)-len(rest), len(oob), l.length(rest), syscall.EINVAL)
	}
	if found4 && (v4 || !found6) {
		return r4, nil
	}
	return r6, nil
}

func (l *layout) segmentSize(oob []byte) (n int) {
	for {
		m, rest, ok := l.next(oob)
		if !ok {
			return n
		}
		if d := l.dataOf(m); l.kind(m) == l.segment && len(d) == 2 {
			n = int(binary.NativeEndian.Uint16(d)) // the last one holds
		}
		oob = rest
	}
}

func errSize(family string, data []byte, want int) error {
	return fmt.Errorf("%s packet information of %d bytes in a control message, want %d: %w",
		family, len(data), want, syscall.EINVAL)
}

// request4 stores what an IPv4 message asks for. As in the kernel, the source of the
// last message holds, and the index of the last one that has one.
func (l *layout) request4(d []byte, r *Request) {
	r.Src = unlessZero(netip.AddrFrom4([4]byte(d[l.src4:])))
	if l.dst4 != l.src4 {
		r.HeaderDst = unlessZero(netip.AddrFrom4([4]byte(d[l.dst4:])))
	}
	if l.index4 < 0 {
		return
	}
	if n := binary.NativeEndian.Uint32(d[l.index4:]); n != 0 {
		r.Ifindex = n
	}
}

// request6 stores what an IPv6 message asks for. As in the kernel, the last source and
// the last index hold, whichever messages have them.
func request6(d []byte, r *Request) {
	if a := netip.AddrFrom16([16]byte(d[addr6:])).Unmap(); !a.IsUnspecified() {
		r.Src = a
	}
	if n := binary.NativeEndian.Uint32(d[index6:]); n != 0 {
		r.Ifindex = n
	}
}

func unlessZero(a netip.Addr) netip.Addr {
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}
