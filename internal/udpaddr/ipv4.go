package udpaddr

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// The layout behind an IPv4 address, of four bytes or IPv4-mapped. It is short
// because one is made for every datagram that is read: an echo was seen to take
// two percent longer where IPv4 shared the layout for IPv6.
const (
	off4Marker     = 0
	off4Remote     = off4Marker + 8
	off4Local      = off4Remote + 4
	off4Group      = off4Local + 4
	off4RemotePort = off4Group + 4
	off4LocalPort  = off4RemotePort + 2
	off4Lost       = off4LocalPort + 2
	len4           = off4Lost + 1

	cap4      = net.IPv4len + len4
	capMapped = net.IPv6len + len4
)

// carrier4 is one object in the heap: the address, its bytes and what they carry.
type carrier4 struct {
	addr  net.UDPAddr
	array [cap4]byte
}

// carrierMapped is carrier4 for an IPv4-mapped address. Without its first twelve
// bytes the array is carrier4's.
type carrierMapped struct {
	addr  net.UDPAddr
	array [capMapped]byte
}

func new4(remote, local netip.AddrPort, group uint32) *net.UDPAddr {
	a := new(carrier4)
	a.addr.IP = a.array[:net.IPv4len:cap4]
	a.addr.Port = int(remote.Port())
	binary.NativeEndian.PutUint32(a.array[:], word(remote.Addr()))
	set4((*[len4]byte)(a.array[net.IPv4len:]), remote, local, group)
	return &a.addr
}

func newMapped(remote, local netip.AddrPort, group uint32) *net.UDPAddr {
	a := new(carrierMapped)
	a.addr.IP = a.array[:net.IPv6len:capMapped]
	a.addr.Port = int(remote.Port())
	a.addr.Zone = remote.Addr().Zone() // which voids it: the layout has none
	*(*[net.IPv6len]byte)(a.array[:]) = remote.Addr().As16()
	set4((*[len4]byte)(a.array[net.IPv6len:]), remote, local, group)
	return &a.addr
}

func set4(t *[len4]byte, remote, local netip.AddrPort, group uint32) {
	binary.NativeEndian.PutUint64(t[off4Marker:], marker)
	binary.NativeEndian.PutUint32(t[off4Remote:], word(remote.Addr()))
	binary.NativeEndian.PutUint16(t[off4RemotePort:], remote.Port())
	binary.NativeEndian.PutUint32(t[off4Group:], group)
	if !local.IsValid() {
		t[off4Lost] = 1
		return
	}
	binary.NativeEndian.PutUint32(t[off4Local:], word(local.Addr()))
	binary.NativeEndian.PutUint16(t[off4LocalPort:], local.Port())
}

// word is an IPv4 address, which may be IPv4-mapped, as it lies in memory.
func word(addr netip.Addr) uint32 {
	b := addr.As4()
	return binary.NativeEndian.Uint32(b[:])
}

// parse4 is Parse for an address whose IP is in the first bytes of array.
func parse4(array *[cap4]byte, port int, zone string) (local netip.AddrPort, group uint32, ok bool) {
	t := (*[len4]byte)(array[net.IPv4len:])
	if binary.NativeEndian.Uint64(t[off4Marker:]) != marker || zone != "" ||
		binary.NativeEndian.Uint32(array[:]) != binary.NativeEndian.Uint32(t[off4Remote:]) ||
		port != int(binary.NativeEndian.Uint16(t[off4RemotePort:])) {
		return netip.AddrPort{}, 0, false
	}
	group = binary.NativeEndian.Uint32(t[off4Group:])
	if t[off4Lost] != 0 {
		return netip.AddrPort{}, group, true
	}
	addr := netip.AddrFrom4([4]byte(t[off4Local:]))
	return netip.AddrPortFrom(addr, binary.NativeEndian.Uint16(t[off4LocalPort:])), group, true
}
