//go:build !race

package pathmem_test

import (
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
)

func TestAllocs(t *testing.T) {
	table := pathmem.New(1000)
	r4, r6, many, lost := remote4(1), remote6(1), remote4(2), remote4(3)
	vip6 := addr("2001:db8::1")
	table.Note(r4, local4(1), 0)
	table.Note(r6, vip6, 0)
	table.Note(many, local4(1), 0)
	table.Note(lost, netip.Addr{}, 0)
	flip := 0
	for name, f := range map[string]func(){
		"Note of known":     func() { table.Note(r4, local4(1), 0); table.Note(r6, vip6, 0) },
		"Note of ambiguous": func() { flip++; table.Note(many, local4(flip&1), 0) },
		"Lost":              func() { table.Note(lost, netip.Addr{}, 0) },
		"Find of known":     func() { table.Find(r4, 0); table.Find(r6, 0) },
		"Find of others":    func() { table.Find(many, 0); table.Find(lost, 0); table.Find(remote4(4), 0) },
	} {
		require.Zero(t, testing.AllocsPerRun(1000, f), name)
	}
	views := []pathmem.View{table.View(), table.View()}
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		views[0].Meet(r4, 0)
		views[1].Meet(many, 0)
		table.Fetch(views)
		views[0].See(pathmem.SightingOf(local4(1), 0))
		flip++
		views[1].See(pathmem.SightingOf(local4(flip&1), 0))
	}), "in a batch")

	for i := range 1000 {
		table.Note(remote4(i), local4(i), 0)
	}
	next := 1000
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		table.Note(remote4(next), local4(1), 0)
		next++
	}), "Note of a remote that replaces another")
}

func TestBytes(t *testing.T) {
	t.Run("small", func(t *testing.T) {
		table := pathmem.New(1 << 20)
		require.Less(t, table.Bytes(), 2300)
		for i := range 10 {
			table.Note(remote4(i), local4(i), 0)
		}
		require.Less(t, table.Bytes(), 6500)
	})
	t.Run("growing", func(t *testing.T) {
		const max = 1 << 17
		table := pathmem.New(max)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		each, levels, next := 0, 0, 1000
		for i := range max {
			table.Note(remote4(i), local4(i), 0)
			if n := table.Len(); n == next {
				next += next / 100
				levels++
				each += table.Bytes() / n
				bound := 62
				if n < 4000 {
					bound = 75
				}
				require.Less(t, table.Bytes(), n*bound, "%d remotes, %d bytes each", n, table.Bytes()/n)
			}
		}
		require.Less(t, each, 53*levels, "on average over sizes")
		require.Less(t, table.Bytes(), 47*max, "%d bytes each at the bound", table.Bytes()/max)

		runtime.GC()
		runtime.ReadMemStats(&after)
		require.InEpsilon(t, table.Bytes(), after.HeapAlloc-before.HeapAlloc, 0.01, "Bytes and the heap disagree")

		full := table.Bytes()
		for i := max; i < max*5/4; i++ {
			table.Note(remote4(i), local4(i), 0)
		}
		require.Equal(t, full, table.Bytes(), "a flood makes the table larger")
		runtime.KeepAlive(table)
	})
}
