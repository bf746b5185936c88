//go:build linux

package pktinfo_test

import (
	"net/netip"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"golang.org/x/sys/unix"
)

func BenchmarkParse(b *testing.B) {
	v4 := pktinfo.AppendSource(nil, true, netip.MustParseAddr("192.0.2.1"), 2)
	v6 := pktinfo.AppendSource(nil, false, netip.MustParseAddr("2001:db8::1"), 2)
	dual := append(pktinfo.AppendSource(nil, false, netip.MustParseAddr("::ffff:192.0.2.1"), 2), v4...)
	for name, oob := range map[string][]byte{"v4": v4, "v6": v6, "dual": dual} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if pktinfo.Parse(oob).IfIndex != 2 {
					b.Fatal("not parsed")
				}
			}
		})
		b.Run(name+"/unix.ParseSocketControlMessage", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ms, err := unix.ParseSocketControlMessage(oob)
				if err != nil || len(ms) == 0 {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendSource(b *testing.B) {
	buf := make([]byte, 0, pktinfo.SourceSize)
	b.Run("v4", func(b *testing.B) {
		b.ReportAllocs()
		src := netip.MustParseAddr("192.0.2.1")
		for b.Loop() {
			if len(pktinfo.AppendSource(buf, true, src, 0)) == 0 {
				b.Fatal("nothing appended")
			}
		}
	})
	b.Run("v6", func(b *testing.B) {
		b.ReportAllocs()
		src := netip.MustParseAddr("2001:db8::1")
		for b.Loop() {
			if len(pktinfo.AppendSource(buf, false, src, 0)) == 0 {
				b.Fatal("nothing appended")
			}
		}
	})
}
