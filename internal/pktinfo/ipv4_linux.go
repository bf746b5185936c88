package pktinfo

import (
	"encoding/binary"
	"net/netip"
)

// The control messages that most IPv4 datagrams come and leave with, in constants
// where the layout has variables: a third of the instructions are left.
const (
	headerLen  = ptrSize + 8                                     // of struct cmsghdr
	space4     = (headerLen + 12 + ptrSize - 1) &^ (ptrSize - 1) // CMSG_SPACE of struct in_pktinfo
	specDst    = headerLen + 4                                   // ipi_spec_dst
	headerDst4 = specDst + 4                                     // ipi_addr
	spaceInt   = (headerLen + 4 + ptrSize - 1) &^ (ptrSize - 1)  // CMSG_SPACE of an int, or of fewer bytes
)

// Messages without what they are to say, and what such begin with.
var (
	empty4       = [space4]byte(native.empty4)
	header4      = [headerLen]byte(native.empty4)
	emptySegment = [spaceInt]byte(native.appendSegmentSize(nil, 0))
	headerGRO    = [headerLen]byte(native.emptyGRO())
)

func unicast4(oob []byte) (a uint32, segment int, ok bool) {
	if len(oob) == spaceInt+space4 && [headerLen]byte(oob) == headerGRO {
		segment = int(int32(binary.NativeEndian.Uint32(oob[headerLen:])))
		oob = oob[spaceInt:]
	}
	if len(oob) != space4 {
		return 0, 0, false
	}
	m := (*[space4]byte)(oob)
	a = binary.BigEndian.Uint32(m[specDst:])
	if [headerLen]byte(m[:]) != header4 || binary.BigEndian.Uint32(m[headerDst4:]) != a || !mayBeSource(a) {
		return 0, 0, false
	}
	return a, segment, true
}

// appendSource4 is AppendSource for the IPv4 address a alone.
func appendSource4(oob []byte, a [4]byte) []byte {
	n := len(oob)
	if n%ptrSize != 0 || cap(oob)-n < space4 { // hardly ever
		return native.appendSource(oob, true, netip.AddrFrom4(a), 0)
	}
	oob = oob[:n+space4]
	m := (*[space4]byte)(oob[n:])
	*m = empty4
	*(*[4]byte)(m[specDst:]) = a
	return oob
}

func appendSegmentSize(oob []byte, size int) []byte {
	n := len(oob)
	if n%ptrSize != 0 || cap(oob)-n < spaceInt { // hardly ever
		return native.appendSegmentSize(oob, size)
	}
	oob = oob[:n+spaceInt]
	m := (*[spaceInt]byte)(oob[n:])
	*m = emptySegment
	binary.NativeEndian.PutUint16(m[headerLen:], uint16(size))
	return oob
}
