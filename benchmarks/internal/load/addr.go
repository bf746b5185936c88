//go:build linux

package load

import (
	"encoding/binary"
	"net/netip"
)

// MaxAddrs is the number of VIPs, and of clients, that there are addresses for.
const MaxAddrs = 1 << 18

// The addresses are of the loopback network, all of which is local, and of two
// ranges of IPv6 for which the namespace needs local routes.
var (
	vips4    = netip.MustParseAddr("127.1.0.0")
	clients4 = netip.MustParseAddr("127.200.0.0")

	vips6    = netip.MustParsePrefix("fd00:d5::/96")
	clients6 = netip.MustParsePrefix("fd00:c1::/96")
)

// Ranges6 returns the ranges of IPv6 that must be local.
func Ranges6() []netip.Prefix { return []netip.Prefix{vips6, clients6} }

// scatter is a prime larger than MaxAddrs: multiples of it visit the addresses
// in an order that no cache foresees, each once.
const scatter = 1_000_003

// nth returns the offset of the i-th address of n. It is never 0, which is a
// network's own address.
func nth(i uint64, n int) uint32 { return 1 + uint32(i*scatter%uint64(n)) }

// bytesOf returns the address as a socket address has it, and whether that is
// four bytes or sixteen.
func bytesOf(a netip.Addr) (b [16]byte, n int) {
	if a.Is4() {
		b4 := a.As4()
		copy(b[:], b4[:])
		return b, 4
	}
	return a.As16(), 16
}

// add adds n to the address in b, whose last four bytes have room for it.
func add(b []byte, n uint32) {
	tail := b[len(b)-4:]
	binary.BigEndian.PutUint32(tail, binary.BigEndian.Uint32(tail)+n)
}
