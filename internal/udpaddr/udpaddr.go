// Package udpaddr makes *net.UDPAddr values that carry, out of sight, the local
// address that a datagram was sent to.
//
// Programs hand the address that ReadFrom gave them back to WriteTo. They also
// copy the struct, assert its type, print it, use its string as a key, edit it
// and rebuild it. So the carrier is a real *net.UDPAddr, and what it carries
// sits where no such use looks: in the backing array of its IP, behind len.
//
//	IP:  [ address ][ head, which begins with a marker | copy of the remote | local | ... ]
//
// A copy of the struct and IP.To4 keep the array and so what it carries. An
// append to IP overwrites the marker first, which voids it. A change of IP, Port
// or Zone makes the copy of the remote disagree, which voids it too. A clone of
// IP leaves the array behind.
package udpaddr

import (
	"net"
	"net/netip"
)

// New returns the address of remote, as net would return it, carrying the local
// address of the datagram, which is not valid if it was lost, and the group. When
// remote is an IPv6 address, IPv4-mapped or not, IP has 16 bytes, else 4. Local is
// unmapped, and of the family that remote unmapped has, or nothing is carried.
//
// The address is the caller's; it must never be used for another datagram, as
// programs keep addresses.
func New(remote, local netip.AddrPort, group uint32) *net.UDPAddr {
	addr := remote.Addr()
	switch {
	case local.IsValid() && local.Addr().Is4() != (addr.Is4() || addr.Is4In6()):
		return net.UDPAddrFromAddrPort(remote)
	case addr.Is4():
		return new4(remote, local, group)
	case addr.Is4In6():
		return newMapped(remote, local, group)
	}
	return new6(remote, local, group)
}

// Parse returns the local address that a carries, with its zone, which is not
// valid if it was lost, and the group, and whether a carries anything: it does
// when New made it, or it is a copy, and it still is the address that New made.
//
// The bytes behind an IP are looked at only where its capacity says that this
// package made the array: reading a foreign one there would be a data race with
// its owner. The capacities are odd on purpose, as no size class of the allocator
// is. Another array has one where it was cut to that very length: its bytes are
// then looked at, and not believed.
func Parse(a *net.UDPAddr) (local netip.AddrPort, group uint32, ok bool) {
	if a == nil {
		return netip.AddrPort{}, 0, false
	}
	if ip := a.IP.To4(); cap(ip) == cap4 { // which capMapped is then too
		return parse4((*[cap4]byte)(ip[:cap4]), a.Port, a.Zone)
	}
	if len(a.IP) == net.IPv6len && cap(a.IP) == cap6 {
		return parse6((*[cap6]byte)(a.IP[:cap6]), a.Port, a.Zone)
	}
	return netip.AddrPort{}, 0, false
}
