package pathmem

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func testRemote(i int) netip.AddrPort {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(i))
	return netip.AddrPortFrom(netip.AddrFrom4(b), 4000)
}

func testKey(i int) *key {
	k := testSeed.key(testRemote(i), 0)
	return &k
}

// add puts the i-th remote into a, seen on the local address i, i.
func (a *array) add(i int) (*key, bool) {
	k := testKey(i)
	return k, a.insert(&testSeed, k, merge(k, new(record), record{metaLocal, uint64(i), uint64(i)}, 0))
}

// within runs f, which is to end without anything else happening.
func within(t *testing.T, f func(), what string) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		require.FailNow(t, what)
	}
}

// TestKnownTakesNoLock holds that what changes nothing neither waits for those
// who change something nor writes.
func TestKnownTakesNoLock(t *testing.T) {
	table := New(1 << 16)
	local := netip.MustParseAddr("192.0.2.1")
	other := netip.MustParseAddr("192.0.2.2")
	known, many, lost, unknown := testRemote(1), testRemote(2), testRemote(3), testRemote(4)
	table.Note(known, local, 0)
	table.Note(many, other, 0)
	table.Note(many, local, 0)
	table.Note(lost, netip.Addr{}, 0)
	changes := func() (n uint64) {
		for i := range table.shards {
			n += table.shards[i].created.Load()
			if a := table.shards[i].array.Load(); a != nil {
				n += a.seq.Load()
			}
		}
		return n
	}
	before := changes()
	for i := range table.shards {
		table.shards[i].mu.Lock()
	}
	within(t, func() {
		for _, remote := range []netip.AddrPort{known, many, lost, unknown} {
			table.Find(remote, 0)
		}
		table.Note(known, local, 0)
		table.Note(many, local, 0)
		table.Note(lost, netip.Addr{}, 0)
	}, "waits for a lock")
	require.Equal(t, before, changes(), "writes")
}

// TestFindWaitsForChange holds that a reader who meets a change waits for it to
// end instead of returning half of it.
func TestFindWaitsForChange(t *testing.T) {
	table := newTable(100, 1, testSeed)
	local := netip.MustParseAddr("192.0.2.1")
	table.Note(testRemote(1), local, 0)
	s := &table.shards[0]
	s.mu.Lock()
	a := s.array.Load()
	a.seq.Add(1)
	p, _, seq := a.find(testKey(1))
	e := a.entry(p)
	require.NotZero(t, seq&changing)
	_, _, seq = a.find(testKey(2))
	require.NotZero(t, seq&changing, "not to be found is no result either")

	found := make(chan netip.Addr, 1)
	go func() {
		local, _, _ := table.Find(testRemote(1), 0)
		found <- local
	}()
	waiting(t, "(*View).Find")
	e.local.lo.Store(mapped | 0xc0000202)
	a.seq.Add(1)
	s.mu.Unlock()
	require.Equal(t, netip.MustParseAddr("192.0.2.2"), <-found)
}

// TestFirstChange holds that a View which has just met a remote does not take what it
// knew of another for it while the very first change of an array goes on, the one
// whose sequence number says no more than that.
func TestFirstChange(t *testing.T) {
	table := newTable(100, 2, testSeed)
	one := 1
	for table.shard(testKey(one)) == table.shard(testKey(2)) {
		one++
	}
	view := table.View()
	view.Note(testRemote(one), netip.MustParseAddr("192.0.2.1"), 0)
	_, _, state := view.Find(testRemote(one), 0)
	require.Equal(t, Known, state)

	s := table.shard(testKey(2))
	s.mu.Lock()
	a := newArray(1)
	a.seq.Store(changing)
	s.array.Store(a)
	found := make(chan State, 1)
	go func() {
		_, _, state := view.Find(testRemote(2), 0)
		found <- state
	}()
	waiting(t, "(*View).Find")
	a.seq.Add(1)
	s.mu.Unlock()
	require.Equal(t, Unknown, <-found)
}

// waiting waits until somebody who runs f waits for a lock.
func waiting(t *testing.T, f string) {
	t.Helper()
	within(t, func() {
		stacks := make([]byte, 1<<20)
		for {
			for g := range bytes.SplitSeq(stacks[:runtime.Stack(stacks, true)], []byte("\n\n")) {
				if bytes.Contains(g, []byte("[sync.Mutex.Lock]")) && bytes.Contains(g, []byte(f)) {
					return
				}
			}
			runtime.Gosched()
		}
	}, "nobody waits for the lock")
}

// TestChangeMeetsOthers holds that a change that has found its entry, and then has
// to wait, does not write to it what has become another's, nor to an array that
// was replaced.
func TestChangeMeetsOthers(t *testing.T) {
	old, now, others := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")
	for name, meanwhile := range map[string]func(table *Table, s *shard){
		"entry replaced": func(table *Table, s *shard) {
			a := s.array.Load()
			gone, came := testKey(1), testKey(2)
			p, _, _ := a.find(gone)
			a.evict(gone, 0)
			require.True(t, a.insert(&table.seed, came, merge(came, new(record), record(SightingOf(others, 0)), 0)))
			there, _, _ := a.find(came)
			require.Equal(t, p, there)
		},
		"array replaced": func(table *Table, s *shard) {
			a := s.array.Load()
			b := a.grown(&table.seed, table.full)
			require.Greater(t, b.seq.Load(), a.seq.Load(), "or what is known of the one would be believed of the other")
			require.Zero(t, b.seq.Load()&changing)
			s.array.Store(b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			table := newTable(100, 1, testSeed)
			for _, i := range []int{1, 10, 11, 12} { // enough to grow
				table.Note(testRemote(i), old, 0)
			}
			s := &table.shards[0]
			s.mu.Lock()
			done := make(chan struct{})
			go func() { defer close(done); table.Note(testRemote(1), now, 0) }()
			waiting(t, "(*View).See")
			meanwhile(table, s)
			s.mu.Unlock()
			<-done
			local, _, _ := table.Find(testRemote(1), 0)
			require.Equal(t, now, local)
			if name == "entry replaced" {
				local, _, _ = table.Find(testRemote(2), 0)
				require.Equal(t, others, local)
			}
		})
	}
}

// TestBadHash holds that remotes with equal hashes cost neither memory nor
// order: the table then forgets before its bound.
func TestBadHash(t *testing.T) {
	const n = 5000
	table := newTable(1<<16, 4, seed{}) // all IPv4 addresses hash alike
	local := netip.MustParseAddr("192.0.2.1")
	for i := range n {
		table.Note(testRemote(i), local, 0)
		got, _, s := table.Find(testRemote(i), 0)
		require.Equal(t, Known, s)
		require.Equal(t, local, got)
	}
	require.LessOrEqual(t, table.Len(), 2*ways)
	require.EqualValues(t, n-table.Len(), table.Evicted())
	require.Less(t, table.Bytes(), 8<<10)

	// Some ports, each a heap of its own.
	for port := range uint16(200) {
		for i := range 50 {
			table.Note(netip.AddrPortFrom(testRemote(i).Addr(), port), local, 0)
		}
	}
	require.Less(t, table.Bytes(), 1<<10+table.Len()*4*45)
}

// TestEmptyShard holds that a shard that has nothing to replace forgets the
// newcomer. No table made by New comes to that.
func TestEmptyShard(t *testing.T) {
	table := newTable(1, 64, testSeed)
	local := netip.MustParseAddr("192.0.2.1")
	const n = 1000
	for i := range n {
		table.Note(testRemote(i), local, 0)
	}
	found := 0
	for i := range n {
		if _, _, s := table.Find(testRemote(i), 0); s == Known {
			found++
		}
	}
	require.Equal(t, 1, found)
	require.Equal(t, 1, table.Len())
	require.EqualValues(t, n-1, table.Evicted())
}

// TestEvictBeyondPair evicts where both sets of a key are empty.
func TestEvictBeyondPair(t *testing.T) {
	a := newArray(64)
	for i := range 200 {
		k, ok := a.add(i)
		require.True(t, ok)
		p, _, _ := a.find(k)
		require.NotEqual(t, nowhere, p)

		a.evict(testKey(1000+i), 0)
		require.Zero(t, a.n)
		p, _, _ = a.find(k)
		require.Equal(t, nowhere, p)
	}
}

// TestEpochWraps lets the epoch overflow its bits.
func TestEpochWraps(t *testing.T) {
	const max = 64
	table := newTable(max, 1, testSeed)
	local := netip.MustParseAddr("192.0.2.1")
	for i := range 3 * max / 16 * (epochMask + 1) {
		table.Note(testRemote(i), local, 0)
		if i >= max && i%997 == 0 {
			for j := i - max/4; j <= i; j++ {
				_, _, s := table.Find(testRemote(j), 0)
				require.Equal(t, Known, s, "remote %d of %d", j, i)
			}
		}
	}
}

// TestMoves reads keys that move from set to set all the time. Each is there
// all the time.
func TestMoves(t *testing.T) {
	const remotes = 2*ways - 1
	a := newArray(2)
	require.Len(t, a.sets, 2)
	var keys [remotes]*key
	for i := range keys {
		var ok bool
		keys[i], ok = a.add(i)
		require.True(t, ok)
	}
	var done atomic.Bool
	var missed, torn int
	var wg sync.WaitGroup
	wg.Go(func() {
		defer done.Store(true)
		for range 20_000 {
			for i, k := range keys {
				switch p, r, seq := a.find(k); {
				case seq&changing != 0:
				case p == nowhere:
					missed++
				case r.hi != uint64(i) || r.lo != uint64(i):
					torn++
				}
			}
		}
	})
	moved := true
	for moved && !done.Load() {
		full := uint64(0)
		if a.tags[0].equal(0) != 0 {
			full = 1
		}
		moved = a.relieve(full, &testSeed)
	}
	wg.Wait()
	require.True(t, moved)
	require.Zero(t, missed)
	require.Zero(t, torn)
}

// TestChanges reads a record that changes all the time, never half of it.
func TestChanges(t *testing.T) {
	a := newArray(1)
	k, _ := a.add(0)
	p, r, seq := a.find(k)
	e := a.entry(p)
	require.Zero(t, seq&changing)
	a.change(e, new(record), &r)
	require.Equal(t, seq+2, a.seq.Load())

	var done atomic.Bool
	var torn int
	var wg sync.WaitGroup
	wg.Go(func() {
		defer done.Store(true)
		for range 300_000 {
			if _, r, seq := a.find(k); seq&changing == 0 && (r.hi != r.lo || r.meta&zoneMask != r.hi) {
				torn++
			}
		}
	})
	for i := uint64(0); !done.Load(); i++ {
		v := i & zoneMask
		old, now := e.record(), record{r.meta | v, v, v}
		a.change(e, &old, &now)
	}
	wg.Wait()
	require.Zero(t, torn)
}

// TestCopyTo holds that a copy with too little room is refused.
func TestCopyTo(t *testing.T) {
	a := newArray(3)
	for i := range ways + 1 {
		_, ok := a.add(i)
		require.True(t, ok)
	}
	require.False(t, a.copyTo(newArray(1), &testSeed))
	b := newArray(4)
	require.True(t, a.copyTo(b, &testSeed))
	require.Equal(t, a.n, b.n)
}

func TestLinkLocal(t *testing.T) {
	for _, s := range []string{"fe7f:ffff::1", "fe80::", "fe80:0:0:1::1", "fe81::1", "febf:ffff::1", "fec0::1", "ff02::1", "::", "::ffff:169.254.0.1"} {
		a := netip.MustParseAddr(s)
		hi, _ := words(a)
		require.Equal(t, a.Is6() && a.Unmap() == a && a.IsLinkLocalUnicast(), linkLocal(hi), s)
	}
}

// TestWords holds the fast way to an address's words against the plain one.
func TestWords(t *testing.T) {
	for _, s := range []string{"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::ffff:192.0.2.1", "::192.0.2.1", "fe80::1%eth0", "2001:db8::1"} {
		a := netip.MustParseAddr(s)
		b := a.As16()
		hi, lo := words(a)
		require.Equal(t, binary.BigEndian.Uint64(b[:8]), hi, s)
		require.Equal(t, binary.BigEndian.Uint64(b[8:]), lo, s)
		require.Equal(t, a.Unmap().WithZone(""), record{0, hi, lo}.local(), s)
	}
}
