package udpaddr

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// The layout behind an IPv6 address. Zones are told by their numbers.
const (
	off6Marker     = 0
	off6Remote     = off6Marker + 8
	off6Local      = off6Remote + 16
	off6Group      = off6Local + 16
	off6RemotePort = off6Group + 4
	off6LocalPort  = off6RemotePort + 2
	off6RemoteZone = off6LocalPort + 2
	off6LocalZone  = off6RemoteZone + 2
	off6Lost       = off6LocalZone + 2
	len6           = off6Lost + 1

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

	t := (*[len6]byte)(a.array[net.IPv6len:])
	binary.NativeEndian.PutUint64(t[off6Marker:], marker)
	*(*[net.IPv6len]byte)(t[off6Remote:]) = remote.Addr().As16()
	binary.NativeEndian.PutUint16(t[off6RemotePort:], remote.Port())
	binary.NativeEndian.PutUint16(t[off6RemoteZone:], remoteZone)
	binary.NativeEndian.PutUint32(t[off6Group:], group)
	if !local.IsValid() {
		t[off6Lost] = 1
		return &a.addr
	}
	*(*[net.IPv6len]byte)(t[off6Local:]) = local.Addr().As16()
	binary.NativeEndian.PutUint16(t[off6LocalPort:], local.Port())
	binary.NativeEndian.PutUint16(t[off6LocalZone:], localZone)
	return &a.addr
}

// parse6 is Parse for an address whose IP has the capacity cap6.
func parse6(a *net.UDPAddr) (local netip.AddrPort, group uint32, ok bool) {
	t := (*[len6]byte)(a.IP[net.IPv6len:cap6])
	if binary.NativeEndian.Uint64(t[off6Marker:]) != marker ||
		[net.IPv6len]byte(a.IP) != [net.IPv6len]byte(t[off6Remote:]) ||
		a.Port != int(binary.NativeEndian.Uint16(t[off6RemotePort:])) {
		return netip.AddrPort{}, 0, false
	}
	if zone, ok := zones.name(binary.NativeEndian.Uint16(t[off6RemoteZone:])); !ok || zone != a.Zone {
		return netip.AddrPort{}, 0, false
	}
	group = binary.NativeEndian.Uint32(t[off6Group:])
	if t[off6Lost] != 0 {
		return netip.AddrPort{}, group, true
	}
	zone, ok := zones.name(binary.NativeEndian.Uint16(t[off6LocalZone:]))
	if !ok {
		return netip.AddrPort{}, 0, false
	}
	addr := netip.AddrFrom16([net.IPv6len]byte(t[off6Local:])).WithZone(zone)
	return netip.AddrPortFrom(addr, binary.NativeEndian.Uint16(t[off6LocalPort:])), group, true
}
