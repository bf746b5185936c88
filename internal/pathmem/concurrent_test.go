package pathmem_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
)

// version returns the v-th local of remote i. All its words, the zone too, tell
// i and v.
func version(i int, v uint32) (netip.Addr, uint32) {
	var b [16]byte
	binary.BigEndian.PutUint16(b[:], 0xfe80)
	binary.BigEndian.PutUint16(b[2:], uint16(i))
	binary.BigEndian.PutUint32(b[4:], v)
	binary.BigEndian.PutUint64(b[8:], uint64(i)<<32|uint64(v))
	return netip.AddrFrom16(b), v
}

// TestConcurrent reads remotes while they change, while others come, which
// makes the table grow, and while they are evicted. No reader may see what was
// never noted, and a remote remembered may not be missing for a moment.
func TestConcurrent(t *testing.T) {
	for _, tc := range []struct {
		name     string
		max      int
		newcomer int // remotes that come and do not return
		forget   bool
	}{
		{"growing", 15_000, 12_000, false},
		{"evicting", 300, 12_000, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const remotes, readers = 64, 4
			table := pathmem.New(tc.max)
			for i := range remotes {
				local, zone := version(i, 0)
				table.Note(remote6(i), local, zone)
			}
			var newest [remotes]atomic.Uint32 // at least this version has been noted
			var wrong, reads atomic.Int64
			var done atomic.Bool
			var reading, writing sync.WaitGroup
			for r := range readers {
				reading.Go(func() {
					rnd := rand.New(rand.NewPCG(1, uint64(r)))
					view := table.View()
					i := 0
					for n := 0; n < 1000 || !done.Load(); n++ {
						if n%4 == 0 { // else the View has met it before
							i = rnd.IntN(remotes)
						}
						least := newest[i].Load()
						local, zone, state := view.Find(remote6(i), 0)
						reads.Add(1)
						if state == pathmem.Unknown {
							if !tc.forget {
								wrong.Add(1)
							}
							continue
						}
						want, _ := version(i, zone)
						if local != want || zone < least || state == pathmem.Lost {
							wrong.Add(1)
						}
					}
				})
			}
			for w := range 2 {
				writing.Go(func() { // each remote has one writer: versions ascend
					views := []pathmem.View{table.View()}
					for v := range uint32(100) {
						for i := w; i < remotes; i += 2 {
							local, zone := version(i, v)
							views[0].Meet(remote6(i), zone)
							if i%8 < 2 {
								table.Fetch(views)
							}
							views[0].Note(remote6(i), local, zone)
							newest[i].Store(v)
						}
					}
				})
				writing.Go(func() {
					for i := w; i < tc.newcomer; i += 2 {
						table.Note(remote4(i), local4(i), 0)
					}
				})
			}
			writing.Wait()
			done.Store(true)
			reading.Wait()
			require.Zero(t, wrong.Load(), "of %d reads", reads.Load())
			require.LessOrEqual(t, table.Len(), tc.max)
			require.Equal(t, tc.forget, table.Evicted() > 0)
			if !tc.forget {
				require.Equal(t, remotes+tc.newcomer, table.Len())
			}
		})
	}
}

// TestConcurrentReuse reads remotes that keep taking each other's place.
func TestConcurrentReuse(t *testing.T) {
	const remotes, places, reads = 12, 5, 200_000
	table := pathmem.New(places)
	var done atomic.Bool
	var wrong int
	var wg sync.WaitGroup
	wg.Go(func() {
		defer done.Store(true)
		view := table.View()
		for n := range reads {
			i := n / 4 % remotes
			local, zone, state := view.Find(remote6(i), 0)
			if want, _ := version(i, zone); state != pathmem.Unknown && local != want {
				wrong++
			}
		}
	})
	for range 2 {
		wg.Go(func() {
			view, other := table.View(), table.View()
			for n := 0; n < remotes || !done.Load(); n++ {
				i := n * 7 % remotes
				local, zone := version(i, uint32(n))
				view.Note(remote6(i), local, zone)
				local, zone = version(0, uint32(n)) // mostly a change in place
				other.Note(remote6(0), local, zone)
			}
		})
	}
	wg.Wait()
	require.Zero(t, wrong)
	require.Equal(t, places, table.Len())
}

// TestConcurrentBound holds the bound while many come at once.
func TestConcurrentBound(t *testing.T) {
	const max, writers, each = 16, 4, 20
	for range 5000 / scale {
		table := pathmem.NewSeeded(max, 8)
		var wg sync.WaitGroup
		var most atomic.Int64
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					table.Note(remote4(w*each+i), local4(i), 0)
					if n := int64(table.Len()); n > max {
						most.Store(n)
					}
				}
			})
		}
		wg.Wait()
		require.Zero(t, most.Load(), "more remotes than the bound")
		require.Equal(t, max, table.Len())
		require.EqualValues(t, writers*each-max, table.Evicted())
		found := 0
		for i := range writers * each {
			if find(table, remote4(i), 0).state == pathmem.Known {
				found++
			}
		}
		require.Equal(t, max, found)
	}
}

// TestViewsInOrder: what one View tells is not older than what another told before,
// while a remote that has several local addresses changes between them.
func TestViewsInOrder(t *testing.T) {
	table := pathmem.New(1000)
	local := func(v int) netip.Addr {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(10<<24+v))
		return netip.AddrFrom4(b)
	}
	var noted atomic.Int64
	table.Note(remote6(1), local(0), 0)
	table.Note(remote6(1), local(1), 0)
	noted.Store(1)
	var done atomic.Bool
	var writing sync.WaitGroup
	writing.Go(func() {
		view := table.View()
		for v := 2; !done.Load(); v++ {
			view.Note(remote6(1), local(v), 0)
			noted.Store(int64(v))
		}
	})
	late, early := table.View(), table.View()
	told := func(v *pathmem.View) netip.Addr {
		a, _, _ := v.Find(remote6(1), 0)
		return a
	}
	wrong := 0
	for n := 0; n < 100_000 || noted.Load() < 1000; n++ {
		least := local(int(noted.Load()))
		early.Find(remote6(2), 0) // has it look again
		first := told(&early)
		if first.Less(least) || told(&late).Less(first) {
			wrong++
		}
	}
	done.Store(true)
	writing.Wait()
	require.Zero(t, wrong)
}
