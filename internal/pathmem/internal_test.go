package pathmem

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func testRemote(i int) netip.AddrPort {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(i))
	return netip.AddrPortFrom(netip.AddrFrom4(b), 53)
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
	table.Lost(lost, 0)
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
		table.Lost(lost, 0)
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
	e, _, ok := a.find(table.seed.key(testRemote(1), 0))
	require.False(t, ok)
	_, _, ok = a.find(table.seed.key(testRemote(2), 0))
	require.False(t, ok, "not to be found is no result either")

	found := make(chan netip.Addr)
	go func() {
		local, _, _ := table.Find(testRemote(1), 0)
		found <- local
	}()
	e.local.lo.Store(mapped | 0xc0000202)
	a.seq.Add(1)
	s.mu.Unlock()
	require.Equal(t, netip.MustParseAddr("192.0.2.2"), <-found)
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
	sd := testSeed
	a := newArray(64)
	k := sd.key(testRemote(0), 0)
	require.True(t, a.insert(&sd, k, record{}))
	for i := range 200 {
		a.evict(sd.key(testRemote(i), 0), 0)
		require.Zero(t, a.n)
		e, _, ok := a.find(k)
		require.True(t, ok)
		require.Nil(t, e)
		k = sd.key(testRemote(1000+i), 0)
		require.True(t, a.insert(&sd, k, record{}))
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
