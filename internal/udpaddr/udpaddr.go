// Package udpaddr makes *net.UDPAddr values that carry, out of sight, the local
// address that a datagram was sent to.
//
// Programs hand the address that ReadFrom gave them back to WriteTo. They also
// copy the struct, assert its type, print it, use its string as a key, edit it
// and rebuild it. So the carrier is a real *net.UDPAddr, and what it carries
// sits where no such use looks: in the backing array of its IP, behind len.
//
//	IP:  [ address ][ marker | copy of the remote | local | ... ]
//
// A copy of the struct and IP.To4 keep the array and so what it carries. An
// append to IP overwrites the marker first, which voids it. A change of IP, Port
// or Zone makes the copy of the remote disagree, which voids it too. A clone of
// IP leaves the array behind.
package udpaddr

import (
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"
)

// marker is random for each process: nothing that comes from outside can know
// it, and no array holds it by chance.
var marker = func() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return binary.NativeEndian.Uint64(b[:])
}()

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
	if len(a.IP) == net.IPv4len && cap(a.IP) == cap4 {
		return parse4((*[cap4]byte)(a.IP[:cap4]), a.Port, a.Zone)
	}
	return parse16(a)
}

// parse16 is Parse for an IP in 16 bytes.
func parse16(a *net.UDPAddr) (local netip.AddrPort, group uint32, ok bool) {
	if len(a.IP) != net.IPv6len {
		return netip.AddrPort{}, 0, false
	}
	switch cap(a.IP) {
	case capMapped:
		if ip := a.IP.To4(); ip != nil {
			return parse4((*[cap4]byte)(ip[:cap4]), a.Port, a.Zone) // as of a copy with that IP
		}
	case cap6:
		return parse6(a)
	}
	return netip.AddrPort{}, 0, false
}
