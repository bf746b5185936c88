package pktinfo

import "encoding/binary"

// ecnMask are the bits of the ECN field in what IPv4 calls the type of service
// and IPv6 the traffic class (RFC 3168, section 5).
const ecnMask = 3

// appendSegmentSize appends to oob a control message that makes a payload leave
// as several datagrams of n bytes, the last of which may be shorter
// (UDP_SEGMENT). Its data is a 16-bit number, unlike that of the UDP_GRO that is
// received.
func (l *layout) appendSegmentSize(oob []byte, n int) []byte {
	oob, d := l.appendMessage(oob, l.segment, 2)
	binary.NativeEndian.PutUint16(d, uint16(n))
	return oob
}

// appendClass appends a control message with the traffic class, of which the
// ECN field is a part.
func (l *layout) appendClass(oob []byte, v4 bool, class uint8) []byte {
	k := l.class
	if v4 {
		k = l.tos
	}
	oob, d := l.appendMessage(oob, k, 4)
	binary.NativeEndian.PutUint32(d, uint32(class))
	return oob
}
