// Package udpaddr makes *net.UDPAddr values that carry, out of sight, the local
// address that a datagram was sent to.
//
// Programs hand the address that ReadFrom gave them back to WriteTo. They also
// copy the struct, assert its type, print it, use its string as a key, edit it
// and rebuild it. So the carrier is a real *net.UDPAddr, and what it carries
// sits where no such use looks: in the backing array of its IP, behind len.
//
//	IP as IPv6:  [ 16 address ][ marker | local | copy of the remote | ... ]
//	IP as IPv4:    [ 4 address ][ the same                                 ]
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

// The layout behind the address. The length is odd on purpose: the bytes behind
// an IP are looked at only where its capacity says that this package made the
// array, because reading a foreign one there would be a data race with its owner.
const (
	offMarker     = 0
	offLocal      = offMarker + 16
	offRemote     = offLocal + 16
	offRemotePort = offRemote + 16
	offLocalPort  = offRemotePort + 2
	offRemoteZone = offLocalPort + 2
	offLocalZone  = offRemoteZone + 2
	offGroup      = offLocalZone + 2
	offFlags      = offGroup + 4
	carriedLen    = offFlags + 1

	cap6 = net.IPv6len + carriedLen
	cap4 = net.IPv4len + carriedLen
)

const (
	flagLost  = 1 << 0 // there is no local address: it was lost on receipt
	flagLocal = 1 << 1 // always set: no zero byte passes for flags
	flag4     = 1 << 2 // the local address is an IPv4 one
)

// marker is random for each process: nothing that comes from outside can know
// it, and no array holds it by chance.
var marker = func() (m [16]byte) {
	rand.Read(m[:]) // never fails, see crypto/rand
	return m
}()

// Carried is what an address carries.
type Carried struct {
	// Local is the local address, unmapped and with its zone, and port.
	// It is not valid when Lost.
	Local netip.AddrPort
	// Lost says that the datagram's local address could not be known.
	Lost bool
	// Group is the group of sockets whose address it is.
	Group uint32
}

// carrier is one object in the heap: address, its bytes and what they carry.
type carrier struct {
	addr  net.UDPAddr
	array [cap6]byte
}

// New returns the address of remote, as net would return it, carrying the local
// address of the datagram, which is not valid if it was lost, and the group. When
// remote is an IPv6 address, IPv4-mapped or not, IP has 16 bytes, else 4.
//
// The address is the caller's; it must never be used for another datagram, as
// programs keep addresses.
func New(remote, local netip.AddrPort, group uint32) *net.UDPAddr {
	a := new(carrier)
	addr := remote.Addr()
	put(a.array[:], addr)
	a.addr.IP = a.array[:net.IPv6len:cap6]
	if addr.Is4() {
		a.addr.IP = a.array[net.IPv6len-net.IPv4len : net.IPv6len : cap6]
	}
	a.addr.Port = int(remote.Port())
	a.addr.Zone = addr.Zone()

	t := (*[carriedLen]byte)(a.array[net.IPv6len:])
	remoteZone, ok := zones.id(a.addr.Zone)
	localZone, ok2 := zones.id(local.Addr().Zone())
	if !ok || !ok2 {
		return &a.addr // carries nothing
	}
	*(*[16]byte)(t[offMarker:]) = marker
	put(t[offRemote:], addr)
	binary.NativeEndian.PutUint16(t[offRemotePort:], remote.Port())
	binary.NativeEndian.PutUint16(t[offRemoteZone:], remoteZone)
	binary.NativeEndian.PutUint32(t[offGroup:], group)
	t[offFlags] = flagLocal
	if !local.IsValid() {
		t[offFlags] |= flagLost
		return &a.addr
	}
	put(t[offLocal:], local.Addr())
	if local.Addr().Is4() {
		t[offFlags] |= flag4
	}
	binary.NativeEndian.PutUint16(t[offLocalPort:], local.Port())
	binary.NativeEndian.PutUint16(t[offLocalZone:], localZone)
	return &a.addr
}

// put writes a to b as an IPv6 address. Of an IPv4 one As16 would make two words in
// memory first, and copying them on as a whole has to wait until they are there.
func put(b []byte, a netip.Addr) {
	to := (*[16]byte)(b)
	if !a.Is4() {
		*to = a.As16()
		return
	}
	*to = [16]byte{10: 0xff, 0xff}
	*(*[4]byte)(to[12:]) = a.As4()
}

// Parse returns what a carries, and whether it carries anything: it does when
// New made it, or it is a copy, and it still is the address that New made.
func Parse(a *net.UDPAddr) (c Carried, ok bool) {
	if a == nil || !(len(a.IP) == net.IPv6len && cap(a.IP) == cap6 || len(a.IP) == net.IPv4len && cap(a.IP) == cap4) {
		return Carried{}, false
	}
	t := (*[carriedLen]byte)(a.IP[len(a.IP):cap(a.IP)])
	if [16]byte(t[offMarker:]) != marker || t[offFlags]&flagLocal == 0 {
		return Carried{}, false
	}
	ip := [16]byte{10: 0xff, 0xff} // an IPv4 address as an IPv6 one
	if len(a.IP) == net.IPv4len {
		*(*[4]byte)(ip[12:]) = [4]byte(a.IP)
	} else {
		ip = [16]byte(a.IP)
	}
	if ip != [16]byte(t[offRemote:]) || a.Port != int(binary.NativeEndian.Uint16(t[offRemotePort:])) {
		return Carried{}, false
	}
	if zone, ok := zones.name(binary.NativeEndian.Uint16(t[offRemoteZone:])); !ok || zone != a.Zone {
		return Carried{}, false
	}
	c.Group = binary.NativeEndian.Uint32(t[offGroup:])
	if t[offFlags]&flagLost != 0 {
		c.Lost = true
		return c, true
	}
	port := binary.NativeEndian.Uint16(t[offLocalPort:])
	if t[offFlags]&flag4 != 0 {
		c.Local = netip.AddrPortFrom(netip.AddrFrom4([4]byte(t[offLocal+12:])), port)
		return c, true
	}
	zone, ok := zones.name(binary.NativeEndian.Uint16(t[offLocalZone:]))
	if !ok {
		return Carried{}, false
	}
	local := netip.AddrFrom16([16]byte(t[offLocal:])).WithZone(zone)
	c.Local = netip.AddrPortFrom(local, port)
	return c, true
}
