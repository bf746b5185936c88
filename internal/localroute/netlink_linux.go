package localroute

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Messages of rtnetlink, see netlink(7) and rtnetlink(7). All numbers are in
// the byte order of the host, and headers and attributes are padded to 4 bytes.

// errMalformed says that the bytes are not what the kernel sends.
var errMalformed = errors.New("malformed netlink message")

const (
	headerLen = unix.SizeofNlMsghdr
	rtmsgLen  = unix.SizeofRtMsg
	attrLen   = unix.SizeofRtAttr
)

type message struct {
	kind    uint16
	flags   uint16
	seq     uint32
	payload []byte
}

// nextMessage splits b after its first message.
func nextMessage(b []byte) (m message, rest []byte, err error) {
	if len(b) < headerLen {
		return m, nil, errMalformed
	}
	n := uint64(binary.NativeEndian.Uint32(b))
	if n < headerLen || n > uint64(len(b)) {
		return m, nil, errMalformed
	}
	m = message{
		kind:    binary.NativeEndian.Uint16(b[4:]),
		flags:   binary.NativeEndian.Uint16(b[6:]),
		seq:     binary.NativeEndian.Uint32(b[8:]),
		payload: b[headerLen:n],
	}
	return m, b[padded(int(n), len(b)):], nil
}

// nextAttr splits b after its first attribute.
func nextAttr(b []byte) (kind uint16, value, rest []byte, err error) {
	if len(b) < attrLen {
		return 0, nil, nil, errMalformed
	}
	n := int(binary.NativeEndian.Uint16(b))
	if n < attrLen || n > len(b) {
		return 0, nil, nil, errMalformed
	}
	kind = binary.NativeEndian.Uint16(b[2:])
	return kind, b[attrLen:n], b[padded(n, len(b)):], nil
}

// padded returns n with its padding, of which the last in a buffer may be left out.
func padded(n, limit int) int {
	return min((n+3)&^3, limit)
}

// errnoOf returns the error that an NLMSG_ERROR or NLMSG_DONE carries, nil if
// none.
func errnoOf(m message) error {
	if len(m.payload) < 4 {
		return errMalformed
	}
	code := int32(binary.NativeEndian.Uint32(m.payload))
	switch {
	case code == 0:
		return nil
	case code < -4095 || code > 0:
		return errMalformed
	}
	return unix.Errno(-code)
}

// A fibRoute is an entry of a routing table.
type fibRoute struct {
	dst   netip.Prefix
	kind  uint8  // RTN_LOCAL and so on
	table uint32 // RT_TABLE_LOCAL and so on
}

// parseRoute reads the payload of an RTM_NEWROUTE.
func parseRoute(b []byte) (r fibRoute, err error) {
	if len(b) < rtmsgLen {
		return r, errMalformed
	}
	family, bits := b[0], int(b[1])
	r.table, r.kind = uint32(b[4]), b[7]
	var dst netip.Addr
	switch family {
	case unix.AF_INET:
		dst = netip.IPv4Unspecified()
	case unix.AF_INET6:
		dst = netip.IPv6Unspecified()
	default:
		return r, errMalformed
	}
	width, explicit := dst.BitLen(), false
	for b = b[rtmsgLen:]; len(b) > 0; {
		var kind uint16
		var value []byte
		if kind, value, b, err = nextAttr(b); err != nil {
			return r, err
		}
		switch kind {
		case unix.RTA_DST:
			if len(value)*8 != width {
				return r, errMalformed
			}
			dst, _ = netip.AddrFromSlice(value)
			explicit = true
		case unix.RTA_TABLE: // has room for what the byte in rtmsg has not
			if len(value) != 4 {
				return r, errMalformed
			}
			r.table = binary.NativeEndian.Uint32(value)
		}
	}
	if bits > width || bits > 0 && !explicit {
		return r, errMalformed
	}
	r.dst = netip.PrefixFrom(dst, bits).Masked()
	return r, nil
}

// appendRouteGet appends the request for the route to a. With
// RTM_F_FIB_MATCH the answer is the entry of the table that matched, not the
// route made from it for the one address; kernels before 4.13 do not know the
// flag and answer with the latter, which serves as well.
func appendRouteGet(b []byte, seq uint32, a netip.Addr, ifindex uint32) []byte {
	flags := uint32(unix.RTM_F_FIB_MATCH)
	if a.Is4() {
		flags |= unix.RTM_F_LOOKUP_TABLE // IPv6 tells the table unasked, and refuses the flag
	}
	start := len(b)
	b = appendRequest(b, unix.NLM_F_REQUEST, seq, a, 0, flags)
	b[start+headerLen+1] = uint8(a.BitLen())
	b = appendAttr(b, unix.RTA_DST, a.AsSlice())
	if ifindex != 0 {
		b = appendAttr(b, unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, ifindex))
	}
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// appendLocalDump appends the request for the whole local table of the family
// of a. Only a socket with NETLINK_GET_STRICT_CHK may send it: without, IPv4
// and older IPv6 would send all tables.
func appendLocalDump(b []byte, seq uint32, a netip.Addr) []byte {
	return appendRequest(b, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, seq, a, unix.RT_TABLE_LOCAL, 0)
}

func appendRequest(b []byte, flags uint16, seq uint32, a netip.Addr, table uint8, rtflags uint32) []byte {
	family := uint8(unix.AF_INET6)
	if a.Is4() {
		family = unix.AF_INET
	}
	b = binary.NativeEndian.AppendUint32(b, headerLen+rtmsgLen)
	b = binary.NativeEndian.AppendUint16(b, unix.RTM_GETROUTE)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0) // port id: the kernel knows
	b = append(b, family, 0, 0, 0, table, 0, 0, 0)
	return binary.NativeEndian.AppendUint32(b, rtflags)
}

func appendAttr(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(attrLen+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	return append(b, value...) // all of ours are multiples of 4 long
}
