package pktinfo

import "net/netip"

// The control message that most IPv4 datagrams come and leave with, in constants
// where the layout has variables: a third of the instructions are left.
const (
	headerLen  = ptrSize + 8                                     // of struct cmsghdr
	space4     = (headerLen + 12 + ptrSize - 1) &^ (ptrSize - 1) // CMSG_SPACE of struct in_pktinfo
	specDst    = headerLen + 4                                   // ipi_spec_dst
	headerDst4 = specDst + 4                                     // ipi_addr
)

// empty4 is such a message without addresses, and header4 what it begins with.
var (
	empty4  = [space4]byte(native.empty4)
	header4 = [headerLen]byte(native.empty4)
)

func unicast4(oob []byte) (a netip.Addr, ok bool) {
	if len(oob) != space4 {
		return netip.Addr{}, false
	}
	m := (*[space4]byte)(oob)
	b := [4]byte(m[specDst:])
	if [headerLen]byte(m[:]) != header4 || [4]byte(m[headerDst4:]) != b || !mayBeSource(b) {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4(b), true
}

// appendSource4 is AppendSource for the IPv4 address a alone.
func appendSource4(oob []byte, a [4]byte) []byte {
	for len(oob)%ptrSize != 0 { // hardly ever
		oob = append(oob, 0)
	}
	oob = append(oob, empty4[:]...)
	*(*[4]byte)(oob[len(oob)-space4+specDst:]) = a
	return oob
}
