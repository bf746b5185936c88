package pktinfo

import (
	"encoding/binary"
	"net/netip"
)

// AppendSource appends to oob a control message by which a datagram leaves from src,
// and returns the longer slice, which holds whole messages. It fills oob up with zeros
// to where a message may start.
//
// The caller sets v4 if the datagram goes to an IPv4 address, IPv4-mapped ones
// included: the kernel silently ignores a message of the other family's level. The
// source must be of that family and not mapped; AppendSource panics if v4 is set and
// src is an IPv6 address. An invalid or unspecified src leaves the choice to the
// kernel, within ifindex; with no ifindex either, nothing is appended.
//
// The interface to leave by should be 0 except where the scope of src or of the
// destination demands one: an interface that is not on the route loses the datagram
// without an error. It is dropped where IPv4 messages have no index (FreeBSD, NetBSD,
// OpenBSD), and where the kernel would ignore the source beside it (macOS, IPv4).
func AppendSource(oob []byte, v4 bool, src netip.Addr, ifindex uint32) []byte {
	return native.appendSource(oob, v4, src, ifindex)
}

// AppendSegmentSize appends to oob a control message by which the payload leaves as
// several datagrams of n bytes, the last of which may be shorter (UDP_SEGMENT). Only
// Linux has it.
func AppendSegmentSize(oob []byte, n int) []byte {
	// A 16-bit number, unlike that of the UDP_GRO that is received.
	oob, d := native.appendMessage(oob, native.segment, 2)
	binary.NativeEndian.PutUint16(d, uint16(n))
	return oob
}

// AppendClass appends to oob a control message with the traffic class to send with
// (type of service for IPv4), the low two bits of which are the ECN field. For v4 see
// [AppendSource]. Only Linux's message is known.
func AppendClass(oob []byte, v4 bool, class uint8) []byte {
	k := native.class
	if v4 {
		k = native.tos
	}
	oob, d := native.appendMessage(oob, k, 4)
	binary.NativeEndian.PutUint32(d, uint32(class))
	return oob
}

// AppendOthers appends to dst the control messages of oob that name no source, each
// filled up with zeros, so that more may follow. It does not change oob, which must
// not overlap the room behind dst. What follows a malformed message is left out: call
// [ParseRequest] first.
func AppendOthers(dst, oob []byte) []byte { return native.appendOthers(dst, oob) }

// Cut copies the received control messages oob to dst and returns the bytes of dst it
// took. First come those of the user's own options, as Linux would have delivered them
// alone to a buffer of that length: whole messages while they fit, of the first that does
// not the part that does, with its cmsg_len lowered, if a header at least fits (put_cmsg
// in net/core/scm.c). Behind them come those that only [Enable] asked for, each if the
// whole of it fits. Padding is stepped over, not written.
//
// The user's own are all but those about the destination, and of these own. Cut reports
// whether one of the user's own was truncated, so that MSG_CTRUNC is due. Other systems
// leave cmsg_len as it was, so that programs fail to parse what was cut; here it is
// lowered on them too.
func Cut(dst, oob []byte, own Messages) (n int, truncated bool) { return native.cut(dst, oob, own) }

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
	if !v4 {
		oob, d := l.appendMessage(oob, l.kind6, size6)
		if chosen {
			*(*[16]byte)(d[addr6:]) = src.As16()
		}
		binary.NativeEndian.PutUint32(d[index6:], ifindex)
		return oob
	}
	oob, d := l.appendMessage(oob, l.kind4, l.size4)
	if chosen {
		*(*[4]byte)(d[l.src4:]) = src.As4()
	}
	if ifindex != 0 {
		binary.NativeEndian.PutUint32(d[l.index4:], ifindex)
	}
	return oob
}

var zeros [64]byte

// appendMessage appends a message with n bytes of data, all zero, and returns
// the data beside the longer buffer.
func (l *layout) appendMessage(b []byte, k kind, n int) (longer, data []byte) {
	b = l.pad(b)
	start := len(b)
	b = append(b, zeros[:l.space(n)]...)
	m := b[start:]
	l.setLength(m, l.data+n)
	binary.NativeEndian.PutUint64(m[l.header-8:], uint64(k))
	return b, m[l.data : l.data+n]
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

// pad appends zeros to b up to where a message may start.
func (l *layout) pad(b []byte) []byte {
	for len(b)&(l.align-1) != 0 {
		b = append(b, 0)
	}
	return b
}

func (l *layout) cut(dst, oob []byte, own Messages) (n int, truncated bool) {
	for _, enabled := range [...]bool{false, true} {
		rest := oob
		for {
			m, next, ok := l.next(rest)
			if !ok {
				break
			}
			rest = next
			k := l.kind(m)
			if (k == l.kind4 && !own.IPv4 || k == l.kind6 && !own.IPv6) != enabled {
				continue
			}
			room := len(dst) - n
			if room < len(m) {
				if enabled {
					continue
				}
				truncated = true
			}
			if room >= l.header {
				// The padding behind a message is the reader's own memory: the
				// kernel steps over it, and so does this.
				kept := copy(dst[n:], m)
				l.setLength(dst[n:], kept)
				n += min(l.roundUp(len(m)), room)
			}
		}
		if len(rest) >= l.header {
			truncated = true // what is malformed cannot be delivered
		}
	}
	return n, truncated
}
