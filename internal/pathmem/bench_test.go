package pathmem_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
)

// memory is what the benchmarks need of a Table.
type memory interface {
	Note(remote netip.AddrPort, local netip.Addr, zone uint32)
	Find(remote netip.AddrPort, zone uint32) (netip.Addr, uint32, pathmem.State)
}

// mutexMap is what one would write without a Table.
type mutexMap struct {
	mu sync.RWMutex
	m  map[netip.AddrPort]netip.Addr
}

func (t *mutexMap) Note(remote netip.AddrPort, local netip.Addr, _ uint32) {
	t.mu.RLock()
	old := t.m[remote]
	t.mu.RUnlock()
	if old != local {
		t.mu.Lock()
		t.m[remote] = local
		t.mu.Unlock()
	}
}

func (t *mutexMap) Find(remote netip.AddrPort, _ uint32) (netip.Addr, uint32, pathmem.State) {
	t.mu.RLock()
	local, ok := t.m[remote]
	t.mu.RUnlock()
	if !ok {
		return local, 0, pathmem.Unknown
	}
	return local, 0, pathmem.Known
}

func eachMemory(b *testing.B, f func(b *testing.B, m memory, remotes, others []netip.AddrPort, local netip.Addr)) {
	for _, family := range []struct {
		name   string
		remote func(int) netip.AddrPort
		local  netip.Addr
	}{
		{"ipv4", remote4, addr("192.0.2.1")},
		{"ipv6", remote6, addr("2001:db8::1")},
	} {
		for _, n := range []int{1, 4096, 100_000} {
			remotes, others := make([]netip.AddrPort, n), make([]netip.AddrPort, n)
			for i := range remotes {
				remotes[i], others[i] = family.remote(i), family.remote(n+i)
			}
			for _, impl := range []struct {
				name string
				new  func() memory
			}{
				{"table", func() memory { return pathmem.New(1 << 20) }},
				{"map", func() memory { return &mutexMap{m: map[netip.AddrPort]netip.Addr{}} }},
			} {
				b.Run(fmt.Sprintf("%s/%d/%s", family.name, n, impl.name), func(b *testing.B) {
					m := impl.new()
					for _, r := range remotes {
						m.Note(r, family.local, 0)
					}
					rand.Shuffle(n, func(i, j int) { remotes[i], remotes[j] = remotes[j], remotes[i] })
					b.ReportAllocs()
					b.ResetTimer()
					f(b, m, remotes, others, family.local)
				})
			}
		}
	}
}

// BenchmarkKnown is the common case: a remote writes again, and is answered.
func BenchmarkKnown(b *testing.B) {
	eachMemory(b, func(b *testing.B, m memory, remotes, _ []netip.AddrPort, local netip.Addr) {
		for i := 0; b.Loop(); i++ {
			if i == len(remotes) {
				i = 0
			}
			m.Note(remotes[i], local, 0)
			m.Find(remotes[i], 0)
		}
	})
}

func BenchmarkKnownParallel(b *testing.B) {
	eachMemory(b, func(b *testing.B, m memory, remotes, _ []netip.AddrPort, local netip.Addr) {
		b.RunParallel(func(pb *testing.PB) {
			for i := rand.IntN(len(remotes)); pb.Next(); i++ {
				if i == len(remotes) {
					i = 0
				}
				m.Note(remotes[i], local, 0)
				m.Find(remotes[i], 0)
			}
		})
	})
}

func BenchmarkUnknown(b *testing.B) {
	eachMemory(b, func(b *testing.B, m memory, _, others []netip.AddrPort, _ netip.Addr) {
		for i := 0; b.Loop(); i++ {
			if i == len(others) {
				i = 0
			}
			m.Find(others[i], 0)
		}
	})
}

// BenchmarkNew is a flood of remotes never seen before, while the table grows
// and at its bound.
func BenchmarkNew(b *testing.B) {
	local := addr("192.0.2.1")
	b.Run("growing", func(b *testing.B) {
		b.ReportAllocs()
		var table *pathmem.Table
		for i := 0; b.Loop(); i++ {
			if i&(1<<20-1) == 0 {
				table = pathmem.New(1 << 20)
			}
			table.Note(remote4(i&(1<<20-1)), local, 0)
		}
	})
	b.Run("full", func(b *testing.B) {
		b.ReportAllocs()
		table := pathmem.New(1 << 16)
		for i := range 1 << 16 {
			table.Note(remote4(i), local, 0)
		}
		for i := 1 << 16; b.Loop(); i++ {
			table.Note(remote4(i), local, 0)
		}
	})
}
