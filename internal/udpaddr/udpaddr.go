// Package udpaddr makes *net.UDPAddr values that carry, out of sight, the local
// address that a datagram was sent to.
//
// Programs hand the address that ReadFrom gave them back to WriteTo. They also
// copy the struct, assert its type, print it, use its string as a key, edit it
// and rebuild it. So the carrier is a real *net.UDPAddr, and what it carries
// sits where no such use looks: in the backing array of its IP, behind len.
//
//	IP:  [ address ][ marker | ... | copy of the remote | local ]
//
// A copy of the struct and IP.To4 keep the array and so what it carries. An
// append to IP overwrites the marker first, which voids it. A change of IP, Port
// or Zone makes it disagree with the marker or the copy, which voids it too. A
// clone of IP leaves the array behind.
package udpaddr

import (
	"encoding/binary"
	"hash/maphash"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// Carried is what an address carries beside the remote address that it is.
type Carried struct {
	// Local is the local address of the datagram, unmapped, and the bound port.
	// Where the datagram's control data was lost it has the port only.
	Local netip.AddrPort

	// Ifindex is the interface that the datagram arrived on, 0 where unknown.
	Ifindex uint32

	// Lost says that the local address was lost on receipt.
	Lost bool
}

// What lies behind an address. The copy of the remote and the local address follow,
// each of 4 bytes if the remote is IPv4 or IPv4-mapped, else 16. It is short because
// one is made for every datagram that is read.
const (
	offMarker     = 0
	offIfindex    = offMarker + 8
	offRemotePort = offIfindex + 4
	offLocalPort  = offRemotePort + 2
	offZone       = offLocalPort + 2
	offLost       = offZone + 2
	offRemote     = offLost + 1

	// The capacities are odd, as no size class of the allocator is. Without its first
	// twelve bytes an array for an IPv4-mapped address is one for an IPv4 address.
	cap4      = net.IPv4len + offRemote + 2*net.IPv4len
	capMapped = net.IPv6len + offRemote + 2*net.IPv4len
	cap6      = net.IPv6len + offRemote + 2*net.IPv6len
)

// The carriers are each one object in the heap: an address and its array.
type (
	carrier4 struct {
		addr  net.UDPAddr
		array [cap4]byte
	}
	carrierMapped struct {
		addr  net.UDPAddr
		array [capMapped]byte
	}
	carrier6 struct {
		addr  net.UDPAddr
		array [cap6]byte
	}
)

// The markers are random for each process and zone: nothing that comes from outside can
// know them, and no array holds one by chance. They stand for the remote's zone, as a
// string cannot be kept among bytes that the garbage collector does not look at. The zones
// of local addresses are kept here and numbered from 1: they are names of interfaces, of
// which there are few.
var (
	seed    = maphash.MakeSeed()
	unzoned = maphash.String(seed, "")

	zones = struct {
		sync.RWMutex
		numbers map[string]uint16
		names   []string
	}{numbers: make(map[string]uint16)}
)

const maxZones = 1<<16 - 1

// zoneNumber returns the number of a zone, 0 for none. It is false where there are too many.
func zoneNumber(zone string) (n uint16, ok bool) {
	if zone == "" {
		return 0, true
	}
	zones.RLock()
	n, ok = zones.numbers[zone]
	zones.RUnlock()
	if ok {
		return n, true
	}
	zones.Lock()
	defer zones.Unlock()
	if n, ok = zones.numbers[zone]; ok || len(zones.names) == maxZones {
		return n, ok
	}
	zone = strings.Clone(zone)
	zones.names = append(zones.names, zone)
	n = uint16(len(zones.names))
	zones.numbers[zone] = n
	return n, true
}

// zoneName returns the zone with a number that zoneNumber returned.
func zoneName(n uint16) string {
	if n == 0 {
		return ""
	}
	zones.RLock()
	defer zones.RUnlock()
	return zones.names[n-1]
}

func marker(zone string) uint64 {
	if zone == "" {
		return unzoned
	}
	return maphash.String(seed, zone)
}

// put stores the address a in b, which has 4 or 16 bytes.
func put(b []byte, a *[net.IPv6len]byte) {
	if len(b) == net.IPv4len {
		*(*[net.IPv4len]byte)(b) = [net.IPv4len]byte(a[12:])
	} else {
		*(*[net.IPv6len]byte)(b) = *a
	}
}

// New returns the address of remote, as net would return it, carrying c. When remote
// is an IPv6 address, IPv4-mapped or not, IP has 16 bytes, else 4. The address carries
// nothing if Local is not of the family that remote unmapped has.
//
// The address is the caller's; it must never be used for another datagram, as
// programs keep addresses.
func New(remote netip.AddrPort, c Carried) *net.UDPAddr {
	addr, local := remote.Addr(), c.Local.Addr()
	v4 := addr.Is4() || addr.Is4In6()
	var zone uint16
	if !c.Lost {
		var ok bool
		if zone, ok = zoneNumber(local.Zone()); !ok || !local.IsValid() || local.Is4() != v4 {
			return net.UDPAddrFromAddrPort(remote)
		}
	}
	var a *net.UDPAddr
	switch {
	case addr.Is4():
		x := new(carrier4)
		a = &x.addr
		a.IP = x.array[:net.IPv4len]
	case v4:
		x := new(carrierMapped)
		a = &x.addr
		a.IP = x.array[:net.IPv6len]
	default:
		x := new(carrier6)
		a = &x.addr
		a.IP = x.array[:net.IPv6len]
	}
	a.Port, a.Zone = int(remote.Port()), addr.Zone()
	a16, local16 := addr.As16(), local.As16()
	put(a.IP, &a16)

	t := a.IP[len(a.IP):cap(a.IP)]
	binary.NativeEndian.PutUint64(t[offMarker:], marker(a.Zone))
	binary.NativeEndian.PutUint32(t[offIfindex:], c.Ifindex)
	binary.NativeEndian.PutUint16(t[offRemotePort:], remote.Port())
	binary.NativeEndian.PutUint16(t[offLocalPort:], c.Local.Port())
	binary.NativeEndian.PutUint16(t[offZone:], zone)
	if c.Lost {
		t[offLost] = 1
	}
	n := (len(t) - offRemote) / 2 // bytes of each address
	put(t[offRemote:offRemote+n], &a16)
	put(t[offRemote+n:], &local16)
	return a
}

// Parse returns what a carries, and whether it carries anything: it does when New
// made it, or what it is a copy of, and it still is the address that New made.
//
// The bytes behind an IP are looked at only where its capacity says that this
// package made the array: reading a foreign one there would be a data race with
// its owner. Another array has such a capacity where it was cut to that very length:
// its bytes are then looked at, and do not have the marker.
func Parse(a *net.UDPAddr) (c Carried, ok bool) {
	if a == nil {
		return c, false
	}
	ip, size := a.IP, cap6
	if ip4 := ip.To4(); ip4 != nil {
		ip, size = ip4, cap4 // which capMapped is then too
	}
	if cap(ip) != size || len(ip) != net.IPv4len && len(ip) != net.IPv6len {
		return c, false
	}
	t := ip[len(ip):size]
	remote, local := t[offRemote:offRemote+len(ip)], t[offRemote+len(ip):]
	if binary.NativeEndian.Uint64(t[offMarker:]) != marker(a.Zone) || string(remote) != string(ip) ||
		int(binary.NativeEndian.Uint16(t[offRemotePort:])) != a.Port {
		return c, false
	}
	c.Ifindex, c.Lost = binary.NativeEndian.Uint32(t[offIfindex:]), t[offLost] != 0
	var addr netip.Addr
	if !c.Lost {
		addr, _ = netip.AddrFromSlice(local)
		addr = addr.WithZone(zoneName(binary.NativeEndian.Uint16(t[offZone:])))
	}
	c.Local = netip.AddrPortFrom(addr, binary.NativeEndian.Uint16(t[offLocalPort:]))
	return c, true
}
