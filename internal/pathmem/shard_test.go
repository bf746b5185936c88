package pathmem

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestShards holds that all that distinguishes remotes spreads them over the shards, and
// differently in each table.
func TestShards(t *testing.T) {
	const remotes = 1 << 14
	prefix := func(i int) netip.Addr {
		b := addr("2001:db8::1").As16()
		binary.BigEndian.PutUint16(b[6:], uint16(i))
		return netip.AddrFrom16(b)
	}
	a, b := New(1<<20), New(1<<20)
	require.Len(t, a.shards, maxShards)
	for kind, remote := range map[string]func(i int) (netip.AddrPort, uint32){
		"IPv4":   func(i int) (netip.AddrPort, uint32) { return remote4(i), 0 },
		"IPv6":   func(i int) (netip.AddrPort, uint32) { return remote6(i), 0 },
		"prefix": func(i int) (netip.AddrPort, uint32) { return netip.AddrPortFrom(prefix(i), 4000), 0 },
		"port":   func(i int) (netip.AddrPort, uint32) { return netip.AddrPortFrom(local4(1), uint16(i)), 0 },
		"zone":   func(i int) (netip.AddrPort, uint32) { return addrPort("[fe80::1]:4000"), uint32(i) },
	} {
		var in [maxShards]int
		same := 0
		for i := range remotes {
			k := keyOf(remote(i))
			for s := range a.shards {
				if in1, _ := a.shard(&k); in1 == &a.shards[s] {
					in[s]++
					if in2, _ := b.shard(&k); in2 == &b.shards[s] {
						same++
					}
				}
			}
		}
		for s, n := range in {
			require.InEpsilon(t, remotes/maxShards, n, .5, "%s, shard %d", kind, s)
		}
		require.Less(t, same, remotes/2, "%s: two tables agree on the shards", kind)
	}
}

// version returns the v-th local of remote i. All its words, the interface too, say i and v.
func version(i int, v uint32) (netip.Addr, uint32) {
	var b [16]byte
	binary.BigEndian.PutUint16(b[:], 0xfe80)
	binary.BigEndian.PutUint16(b[2:], uint16(i))
	binary.BigEndian.PutUint32(b[4:], v)
	binary.BigEndian.PutUint64(b[8:], uint64(i)<<32|uint64(v))
	return netip.AddrFrom16(b), v
}

// TestConcurrent reads remotes while they change and others come, with room for all, and
// with generations that turn all the time. No reader may see what was never noted, nor less
// than was noted before it looked, and where there is room none may be missing for a moment.
func TestConcurrent(t *testing.T) {
	const remotes, newcomers = 64, 6000
	for name, bound := range map[string]int{"room for all": 4 * newcomers, "turning": 300} {
		t.Run(name, func(t *testing.T) {
			table := New(bound)
			for i := range remotes {
				local, ifindex := version(i, 0)
				table.Note(remote6(i), 0, local, ifindex)
			}
			var newest [remotes]atomic.Uint32 // at least this version has been noted
			var wrong, reads atomic.Int64
			var done atomic.Bool
			var reading, writing sync.WaitGroup
			for r := range 4 {
				reading.Go(func() {
					for i := r; !done.Load(); i = (i + 1) % remotes {
						least := newest[i].Load()
						local, ifindex, state := table.Find(remote6(i), 0)
						reads.Add(1)
						want, _ := version(i, ifindex)
						switch {
						case state == Lost:
							wrong.Add(1)
						case state == Unknown:
							if bound > newcomers {
								wrong.Add(1)
							}
						case local != want, ifindex < least:
							wrong.Add(1)
						}
					}
				})
			}
			for w := range 2 {
				writing.Go(func() { // each remote has one writer: versions ascend
					for v := range uint32(100) {
						for i := w; i < remotes; i += 2 {
							local, ifindex := version(i, v)
							table.Note(remote6(i), 0, local, ifindex)
							newest[i].Store(v)
						}
					}
				})
				writing.Go(func() {
					for i := w; i < newcomers; i += 2 {
						table.Note(remote4(i), 0, local4(i), 0)
						if entries, _, _ := table.Usage(); entries > bound {
							wrong.Add(1)
						}
					}
				})
			}
			writing.Wait()
			done.Store(true)
			reading.Wait()
			require.Zero(t, wrong.Load(), "of %d reads", reads.Load())
			entries, _, evicted := table.Usage()
			if bound > newcomers {
				require.Equal(t, remotes+newcomers, entries)
			} else {
				require.NotZero(t, evicted)
			}
		})
	}
}
