package udpaddr

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// The layout behind an IPv6 address. Zones are told by their numbers.
const (
	off6Remote     = headLen
	off6Local      = off6Remote + net.IPv6len
	off6RemoteZone = off6Local + net.IPv6len
	off6LocalZone  = off6RemoteZone + 2
	len6           = off6LocalZone + 2

	cap6 = net.IPv6len + len6
)

// carrier6 is one object in the heap, as carrier4 is.
type carrier6 struct {
	addr  net.UDPAddr
	array [cap6]byte
}

func new6(remote, local netip.AddrPort, group uint32) *net.UDPAddr {
	remoteZone, ok := zones.id(remote.Addr().Zone())
	localZone, ok2 := zones.id(local.Addr().Zone())
	if !ok || !ok2 {
		return net.UDPAddrFromAddrPort(remote) // carries nothing
	}
	a := new(carrier6)
	a.addr.IP = a.array[:net.IPv6len:cap6]
	a.addr.Port = int(remote.Port())
	a.addr.Zone = remote.Addr().Zone()
	*(*[net.IPv6len]byte)(a.array[:]) = remote.Addr().As16()

	t := a.array[net.IPv6len:]
	(*head)(t).set(remote.Port(), local, group)
	*(*[net.IPv6len]byte)(t[off6Remote:]) = remote.Addr().As16()
	*(*[net.IPv6len]byte)(t[off6Local:]) = local.Addr().As16()
	binary.NativeEndian.PutUint16(t[off6RemoteZone:], remoteZone)
	binary.NativeEndian.PutUint16(t[off6LocalZone:], localZone)
	return &a.addr
}

// parse6 is Parse for an address whose IP is in the first bytes of array.
func parse6(array *[cap6]byte, port int, zone string) (local netip.AddrPort, group uint32, ok bool) {
	t := array[net.IPv6len:]
	h := (*head)(t)
	if !h.fits(port) || [net.IPv6len]byte(array[:]) != [net.IPv6len]byte(t[off6Remote:]) {
		return netip.AddrPort{}, 0, false
	}
	if remoteZone, ok := zones.name(binary.NativeEndian.Uint16(t[off6RemoteZone:])); !ok || remoteZone != zone {
		return netip.AddrPort{}, 0, false
	}
	if h.lost() {
		return netip.AddrPort{}, h.group(), true
	}
	localZone, ok := zones.name(binary.NativeEndian.Uint16(t[off6LocalZone:]))
	if !ok {
		return netip.AddrPort{}, 0, false
	}
	addr := netip.AddrFrom16([net.IPv6len]byte(t[off6Local:])).WithZone(localZone)
	return netip.AddrPortFrom(addr, h.localPort()), h.group(), true
}
