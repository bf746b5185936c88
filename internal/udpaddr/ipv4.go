package udpaddr

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// The layout behind an IPv4 address, of four bytes or IPv4-mapped. It is short
// because one is made for every datagram that is read.
const (
	off4Remote = headLen
	off4Local  = off4Remote + net.IPv4len
	len4       = off4Local + net.IPv4len

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
	(*head)(t[:]).set(remote.Port(), local, group)
	binary.NativeEndian.PutUint32(t[off4Remote:], word(remote.Addr()))
	if local.IsValid() {
		binary.NativeEndian.PutUint32(t[off4Local:], word(local.Addr()))
	}
}

// word is an IPv4 address, which may be IPv4-mapped, as it lies in memory.
func word(addr netip.Addr) uint32 {
	b := addr.As4()
	return binary.NativeEndian.Uint32(b[:])
}

// parse4 is Parse for an address whose IP is in the first bytes of array.
func parse4(array *[cap4]byte, port int, zone string) (local netip.AddrPort, group uint32, ok bool) {
	t := array[net.IPv4len:]
	h := (*head)(t)
	if !h.fits(port) || zone != "" || binary.NativeEndian.Uint32(array[:]) != binary.NativeEndian.Uint32(t[off4Remote:]) {
		return netip.AddrPort{}, 0, false
	}
	if h.lost() {
		return netip.AddrPort{}, h.group(), true
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(t[off4Local:])), h.localPort()), h.group(), true
}
