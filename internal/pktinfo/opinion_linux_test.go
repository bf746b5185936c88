package pktinfo

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// secondOpinion is Parse by way of golang.org/x/sys.
func secondOpinion(b []byte) (info Info, ok bool) {
	var four, six []byte
	for len(b) >= unix.SizeofCmsghdr {
		h, data, rest, err := unix.ParseOneSocketControlMessage(b)
		if err != nil {
			break
		}
		if h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo {
			four = data
		}
		if h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo {
			six = data
		}
		if h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO && len(data) >= 4 {
			info.SegmentSize = int(int32(binary.NativeEndian.Uint32(data)))
		}
		if h.Level == unix.IPPROTO_IP && h.Type == unix.IP_TOS && len(data) >= 1 {
			info.ECN = data[0] % 4
		}
		if h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_TCLASS && len(data) >= 4 {
			info.ECN = uint8(binary.NativeEndian.Uint32(data) % 4)
		}
		b = rest
	}
	unicast := func(a netip.Addr) bool {
		return !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
	}
	if four != nil {
		info.IfIndex = binary.NativeEndian.Uint32(four)
		info.Dst, _ = netip.AddrFromSlice(four[8:12])
		if spec, _ := netip.AddrFromSlice(four[4:8]); unicast(spec) {
			info.Local = spec
		}
	} else if six != nil {
		info.IfIndex = binary.NativeEndian.Uint32(six[16:])
		dst, _ := netip.AddrFromSlice(six[:16])
		info.Dst = dst.Unmap()
		if unicast(info.Dst) {
			info.Local = info.Dst
		} else if info.Dst.Is6() && info.Dst.IsMulticast() && info.IfIndex > 0 {
			info.Local = netip.IPv6Unspecified()
		}
	}
	return info, true
}
