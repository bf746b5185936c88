package udpaddr_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

// BenchmarkNew makes the address that a read returns, beside net's way to make one,
// which carries nothing.
func BenchmarkNew(b *testing.B) {
	var a *net.UDPAddr // each is another, in the heap
	for family, x := range benchPaths {
		b.Run(family, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a = udpaddr.New(x.remote, x.local, 1)
			}
		})
		b.Run(family+"/net", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a = net.UDPAddrFromAddrPort(x.remote)
			}
		})
	}
	_ = a
}

// BenchmarkParse looks at an address that carries a path and at net's, which is what
// WriteTo does more than net's.
func BenchmarkParse(b *testing.B) {
	for family, x := range benchPaths {
		for name, a := range map[string]*net.UDPAddr{
			family:          udpaddr.New(x.remote, x.local, 1),
			family + "/net": net.UDPAddrFromAddrPort(x.remote),
		} {
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					udpaddr.Parse(a)
				}
			})
		}
	}
}

var benchPaths = map[string]struct{ remote, local netip.AddrPort }{
	"v4": {netip.MustParseAddrPort("203.0.113.2:40000"), netip.MustParseAddrPort("198.51.100.2:60002")},
	"v6": {netip.MustParseAddrPort("[2001:db8:203::2]:40000"), netip.MustParseAddrPort("[2001:db8:198:51::2]:60002")},
}
