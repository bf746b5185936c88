package localroute_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
)

func BenchmarkLocal(b *testing.B) {
	r := newRoutes(single(vip), vips)
	table := r.table()
	b.Run("memo", func(b *testing.B) {
		b.ReportAllocs()
		var m localroute.Memo
		for b.Loop() {
			_, _ = table.Local(&m, vip, 2)
		}
	})
	b.Run("single", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = table.Local(nil, vip, 2)
		}
	})
	b.Run("range", func(b *testing.B) {
		b.ReportAllocs()
		var m localroute.Memo
		for a := vips.Addr(); b.Loop(); a = a.Next() {
			_, _ = table.Local(&m, a, 2)
		}
	})
	b.Run("ask", func(b *testing.B) {
		fd, err := newUDP()
		if err != nil {
			b.Fatal(err)
		}
		defer unix.Close(fd)
		table, err := localroute.Open(uintptr(fd))
		if err != nil {
			b.Fatal(err)
		}
		defer table.Close()
		a := addr("2001:db8:dead::beef") // a no, which is not remembered
		b.ReportAllocs()
		for b.Loop() {
			_, _ = table.Local(nil, a, 2)
		}
	})
}

func BenchmarkReceived(b *testing.B) {
	table := newRoutes(single(vip)).table()
	var m localroute.Memo
	b.ReportAllocs()
	for b.Loop() {
		table.Received(&m, vip, 2)
	}
}
