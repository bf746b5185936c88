package pathmem_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
)

// TestGrowth holds that nothing is forgotten before the bound is reached, to
// the last remote, and that exactly one is for each remote beyond.
func TestGrowth(t *testing.T) {
	for _, max := range []int{1, 2, 7, 8, 9, 16, 100, 1000, 1024, 2047, 2048, 5000, 50_000 / scale, 1 << 16 / scale} {
		t.Run(fmt.Sprint(max), func(t *testing.T) {
			table := pathmem.New(max)
			all := func(n int) {
				require.Equal(t, n, table.Len())
				for i := range n {
					if got := find(table, remote4(i), 0); got != (answer{local4(i), 0, pathmem.Known}) {
						require.Failf(t, "forgotten", "remote %d of %d: %v", i, n, got)
					}
				}
			}
			next := 1
			for i := range max {
				table.Note(remote4(i), local4(i), 0)
				if i+1 == next {
					all(next)
					next = next*3/2 + 1
				}
			}
			all(max)
			require.Zero(t, table.Evicted())

			for i := max; i < max+20; i++ {
				table.Note(remote4(i), local4(i), 0)
				require.Equal(t, answer{local4(i), 0, pathmem.Known}, find(table, remote4(i), 0))
			}
			found := 0
			for i := range max + 20 {
				if find(table, remote4(i), 0).state == pathmem.Known {
					found++
				}
			}
			require.Equal(t, max, found)
			require.Equal(t, max, table.Len())
			require.EqualValues(t, 20, table.Evicted())
		})
	}
}

// TestGrowthLosesNoState grows a table that holds more than plain locals.
func TestGrowthLosesNoState(t *testing.T) {
	table := pathmem.New(5000)
	lost, many, link := addrPort("192.0.2.1:1"), addrPort("192.0.2.2:1"), addrPort("[fe80::1]:1")
	table.Note(lost, local4(1), 0)
	table.Note(lost, netip.Addr{}, 0)
	table.Note(many, local4(1), 0)
	table.Note(many, local4(2), 0)
	table.Note(link, addr("fe80::2"), 7)
	table.Note(link, addr("fe80::3"), 8)
	for i := table.Len(); i < 5000; i++ {
		table.Note(remote6(i), local4(i), 0)
	}
	require.Equal(t, answer{state: pathmem.Lost}, find(table, lost, 0))
	require.Equal(t, answer{local4(2), 0, pathmem.Ambiguous}, find(table, many, 0))
	require.Equal(t, answer{addr("fe80::2"), 7, pathmem.Known}, find(table, link, 7))
	require.Equal(t, answer{addr("fe80::3"), 8, pathmem.Known}, find(table, link, 8))
	table.Note(lost, local4(3), 0)
	require.Equal(t, answer{local4(3), 0, pathmem.Ambiguous}, find(table, lost, 0), "the local from before it was lost")
}

// TestFlood floods a table with forged remotes.
func TestFlood(t *testing.T) {
	const max, genuine, rounds = 4096, 200, 40
	for _, shards := range []int{1, 4} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			table := pathmem.NewSeeded(max, shards)
			forged, single := 0, 0
			for round := range rounds {
				// Some who write every now and then ...
				for i := range genuine {
					table.Note(remote4(i), local4(i), 0)
				}
				// ... and one who writes only once.
				once := remote4(1_000_000 + round)
				table.Note(once, local4(9), 0)
				single++
				for range max / 8 {
					table.Note(remote6(forged), local4(8), 0)
					forged++
				}
				for i := range genuine {
					if got := find(table, remote4(i), 0); got != (answer{local4(i), 0, pathmem.Known}) {
						require.Failf(t, "forgotten", "remote %d in round %d: %v", i, round, got)
					}
				}
				require.Equal(t, answer{local4(9), 0, pathmem.Known}, find(table, once, 0), "round %d", round)
			}
			require.Equal(t, max, table.Len())
			require.EqualValues(t, genuine+single+forged-max, table.Evicted(), "each remote beyond the bound evicts one")
		})
	}
}

// TestFloodEvictsOldest holds that of remotes that write once, those remembered
// are nearly the last ones.
func TestFloodEvictsOldest(t *testing.T) {
	const max = 8192
	table := pathmem.NewSeeded(max, 8)
	for i := range 5 * max {
		table.Note(remote4(i), local4(i), 0)
	}
	kept := func(from, to int) (n int) {
		for i := from; i < to; i++ {
			if find(table, remote4(i), 0).state == pathmem.Known {
				n++
			}
		}
		return n
	}
	require.Equal(t, max/2, kept(5*max-max/2, 5*max), "the last half")
	require.Greater(t, kept(4*max, 5*max), max*85/100, "as many as there can be")
	require.Zero(t, kept(0, 3*max), "older ones")
}

// TestLocals holds that a table minds the number of remotes only, not that of
// local addresses.
func TestLocals(t *testing.T) {
	const n = 200_000 / scale
	table := pathmem.New(n + 1)
	local := func(i int) netip.Addr {
		b := addr("2001:db8:ffff::").As16()
		b[12], b[13], b[14], b[15] = byte(i>>24), byte(i>>16), byte(i>>8), byte(i)
		return netip.AddrFrom16(b)
	}
	for i := range n {
		table.Note(remote6(i), local(i), 0)
	}
	for i := range n {
		if got := find(table, remote6(i), 0); got != (answer{local(i), 0, pathmem.Known}) {
			require.Failf(t, "wrong local", "remote %d: %v", i, got)
		}
	}
	table.Note(remote4(1), local4(1), 0)
	require.Equal(t, answer{local4(1), 0, pathmem.Known}, find(table, remote4(1), 0))

	// One remote on each of them in turn.
	table = pathmem.New(1)
	for i := range n / 4 {
		table.Note(remote4(1), local(i), 0)
	}
	require.Equal(t, answer{local(n/4 - 1), 0, pathmem.Ambiguous}, find(table, remote4(1), 0))
	require.Equal(t, 1, table.Len())
}
