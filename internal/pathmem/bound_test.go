package pathmem

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPromise8_Bound notes three times as many remotes as the bound. There are never more
// than the bound, each is remembered or counted as evicted, and those remembered are the
// last ones, at least nearly half as many as the bound.
func TestPromise8_Bound(t *testing.T) {
	require.Panics(t, func() { New(0) })
	require.Panics(t, func() { New(-1) })
	for _, bound := range []int{1, 2, 3, 7, 100, 1000, 2047, 2048, 5000, 1 << 16} {
		t.Run(fmt.Sprint(bound), func(t *testing.T) {
			table := New(bound)
			most := 0
			for i := range 3 * bound {
				table.Note(remote4(i), 0, local4(i), 0)
				if bound <= 5000 || i%5000 == 0 || i == 3*bound-1 {
					entries, _, evicted := table.Usage()
					require.EqualValues(t, i+1, entries+int(evicted))
					most = max(most, entries)
				}
			}
			require.LessOrEqual(t, most, max(bound, 2))
			found, wrong, last := 0, 0, 0
			for i := range 3 * bound {
				switch find(table, remote4(i), 0) {
				case answer{local4(i), 0, Known}:
					found++
				case answer{}:
					last = i
				default:
					wrong++
				}
			}
			entries, _, _ := table.Usage()
			require.Equal(t, entries, found)
			require.Zero(t, wrong)
			require.Less(t, last, 3*bound-bound*2/5, "the last remote forgotten")
		})
	}
}

// TestGenerations moves remotes in every state from the old generation to the young one:
// nothing of them is lost, and each counts once.
func TestGenerations(t *testing.T) {
	const bound, genuine = 1000, 200
	table := New(bound)
	lost, many, link := addrPort("192.0.2.1:1"), addrPort("192.0.2.2:1"), addrPort("[fe80::1]:1")
	table.Note(many, 0, local4(1), 0)
	total := 0
	for round := range 40 {
		table.Note(lost, 0, local4(1), 0)
		table.Note(lost, 0, netip.Addr{}, 0)
		table.Note(many, 0, local4(2), 0)
		table.Note(link, 7, addr("fe80::2"), 7)
		for i := range genuine {
			table.Note(remote4(i), 0, local4(i), 0)
		}
		for range bound / 4 { // remotes that write once, forged perhaps
			table.Note(remote6(total), 0, local4(8), 0)
			total++
		}
		require.Equal(t, answer{state: Lost}, find(table, lost, 0), "round %d", round)
		require.Equal(t, answer{local4(2), 0, Ambiguous}, find(table, many, 0), "round %d", round)
		require.Equal(t, answer{addr("fe80::2"), 7, Known}, find(table, link, 7), "round %d", round)
		for i := range genuine {
			if got := find(table, remote4(i), 0); got != (answer{local4(i), 0, Known}) {
				require.Failf(t, "forgotten", "remote %d in round %d: %v", i, round, got)
			}
		}
		entries, _, evicted := table.Usage()
		require.Equal(t, 3+genuine+total, entries+int(evicted), "round %d", round)
		require.LessOrEqual(t, entries, bound)
	}
	table.Note(lost, 0, local4(3), 0)
	require.Equal(t, answer{local4(3), 0, Ambiguous}, find(table, lost, 0), "the local from before it was lost")
}

func TestPromise8_Allocations(t *testing.T) {
	table := New(1000)
	r4, r6, many, lost := remote4(1), remote6(1), remote4(2), remote4(3)
	vip6 := addr("2001:db8::1")
	next := 0
	forge := func() { next++; table.Note(remote6(next), 0, local4(1), 0) }
	for range 5000 { // until both generations have grown
		forge()
	}
	table.Note(r4, 0, local4(1), 0)
	table.Note(r6, 0, vip6, 0)
	table.Note(many, 0, local4(1), 0)
	table.Note(lost, 0, netip.Addr{}, 0)
	flip := 0
	for name, f := range map[string]func(){
		"Note of known":        func() { table.Note(r4, 0, local4(1), 0); table.Note(r6, 0, vip6, 0) },
		"Note of ambiguous":    func() { flip++; table.Note(many, 0, local4(flip&1), 0) },
		"Note of lost":         func() { table.Note(lost, 0, netip.Addr{}, 0) },
		"Find":                 func() { table.Find(r4, 0); table.Find(r6, 0); table.Find(many, 0); table.Find(lost, 0) },
		"Find of unknown":      func() { table.Find(remote4(4), 0) },
		"a flood of new ones":  forge,
		"and those who remain": func() { forge(); table.Note(r4, 0, local4(1), 0) },
	} {
		many := func() {
			for range 2000 {
				f()
			}
		}
		require.Less(t, testing.AllocsPerRun(1, many), 10., name) // some may be the runtime's
	}
}

// TestPromise8_Bytes compares what Usage says with the heap, which depends on when the maps
// grew last, and holds that a flood of forged remotes adds nothing.
func TestPromise8_Bytes(t *testing.T) {
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	const bound = 1 << 16
	before := heap()
	table := New(bound)
	_, bytes, _ := table.Usage()
	require.Less(t, bytes, 10_000, "an empty table")
	next := 0
	for _, n := range []int{7000, 20_000, bound / 2, 3 * bound, 6 * bound} {
		for ; next < n; next++ {
			table.Note(remote4(next), 0, local4(next), 0)
		}
		_, bytes, _ := table.Usage()
		require.InEpsilon(t, bytes, heap()-before, .4, "after %d remotes", n)
		require.LessOrEqual(t, bytes, 120*bound)
	}
	runtime.KeepAlive(table)
}
