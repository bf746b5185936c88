//go:build !dsrudp_portable

package mmsg

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// sockaddr has room for a sockaddr_in or a sockaddr_in6, see ip(7) and ipv6(7).
// Family and scope are in the host's byte order, the port in the network's.
type sockaddr [unix.SizeofSockaddrInet6]byte

// equal reports whether two names of n bytes are the same address. The first
// eight bytes are the family, the port and, of a sockaddr_in, all else that counts.
func (s *sockaddr) equal(x *sockaddr, n uint32) bool {
	return word(s[0:]) == word(x[0:]) && (n == unix.SizeofSockaddrInet4 ||
		word(s[8:]) == word(x[8:]) && word(s[16:]) == word(x[16:]) && [4]byte(s[24:]) == [4]byte(x[24:]))
}

func word(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }

func (s *sockaddr) addrPort() (netip.AddrPort, uint32) {
	port := binary.BigEndian.Uint16(s[2:])
	if binary.NativeEndian.Uint16(s[0:]) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s[4:8])), port), 0
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(s[8:24])), port), binary.NativeEndian.Uint32(s[24:])
}

// remote is addrPort for a name of n bytes, none of which means that there is none.
func (s *sockaddr) remote(n uint32) (netip.AddrPort, uint32) {
	if n == 0 {
		return netip.AddrPort{}, 0
	}
	return s.addrPort()
}

// set writes to and returns the length to pass to the kernel.
func (s *sockaddr) set(inet6 bool, to *netip.AddrPort, scope uint32) uint32 {
	binary.BigEndian.PutUint16(s[2:], to.Port())
	if !inet6 {
		binary.NativeEndian.PutUint16(s[0:], unix.AF_INET)
		a := to.Addr().As4()
		copy(s[4:], a[:])
		clear(s[8:unix.SizeofSockaddrInet4])
		return unix.SizeofSockaddrInet4
	}
	binary.NativeEndian.PutUint16(s[0:], unix.AF_INET6)
	a := to.Addr().As16()
	clear(s[4:8]) // flow information
	copy(s[8:], a[:])
	binary.NativeEndian.PutUint32(s[24:], scope)
	return unix.SizeofSockaddrInet6
}
