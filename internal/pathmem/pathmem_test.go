package pathmem_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
)

var (
	addr     = netip.MustParseAddr
	addrPort = netip.MustParseAddrPort
)

// remote4 and remote6 return the i-th remote of its kind.
func remote4(i int) netip.AddrPort {
	return netip.AddrPortFrom(local4(i), uint16(i*7))
}

func remote6(i int) netip.AddrPort {
	b := addr("2001:db8::").As16()
	binary.BigEndian.PutUint64(b[8:], uint64(i))
	return netip.AddrPortFrom(netip.AddrFrom16(b), uint16(i*7))
}

func local4(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 10<<24|uint32(i))
	return netip.AddrFrom4(b)
}

// answer is what Find returned.
type answer struct {
	local netip.Addr
	zone  uint32
	state pathmem.State
}

// A finder is a Table or a View of one.
type finder interface {
	Find(remote netip.AddrPort, zone uint32) (netip.Addr, uint32, pathmem.State)
}

func find(f finder, remote netip.AddrPort, zone uint32) (a answer) {
	a.local, a.zone, a.state = f.Find(remote, zone)
	return a
}

func TestFind(t *testing.T) {
	var (
		r4     = addrPort("203.0.113.7:5353")
		r4in6  = addrPort("[::ffff:203.0.113.7]:5353")
		r6     = addrPort("[2001:db8::7]:53")
		linkA  = addrPort("[fe80::7]:546")
		linkA2 = addrPort("[fe80::7%eth0]:546")
		link4  = addrPort("169.254.0.7:67")
		vip4   = addr("192.0.2.1")
		vip4b  = addr("192.0.2.2")
		vip6   = addr("2001:db8:1::1")
		own    = addr("fe80::1")
		group  = addr("::")
		none   netip.Addr
	)
	note := func(r netip.AddrPort, l netip.Addr, zone uint32) func(*pathmem.Table) {
		return func(t *pathmem.Table) { t.Note(r, l, zone) }
	}
	lost := func(r netip.AddrPort, zone uint32) func(*pathmem.Table) {
		return func(t *pathmem.Table) { t.Note(r, netip.Addr{}, zone) }
	}
	type does = []func(*pathmem.Table)
	unknown := answer{}
	gone := answer{state: pathmem.Lost}

	for _, tc := range []struct {
		name   string
		do     does
		remote netip.AddrPort
		zone   uint32
		want   answer
		len    int
	}{
		{"nothing", nil, r4, 0, unknown, 0},
		{"known", does{note(r4, vip4, 0)}, r4, 0, answer{vip4, 0, pathmem.Known}, 1},
		{"known again", does{note(r4, vip4, 0), note(r4, vip4, 0)}, r4, 0, answer{vip4, 0, pathmem.Known}, 1},
		{"known IPv6", does{note(r6, vip6, 0)}, r6, 0, answer{vip6, 0, pathmem.Known}, 1},
		{"other port", does{note(r4, vip4, 0)}, addrPort("203.0.113.7:5354"), 0, unknown, 1},
		{"other address", does{note(r4, vip4, 0)}, addrPort("203.0.113.8:5353"), 0, unknown, 1},
		{"other half of the address", does{note(r6, vip6, 0)}, addrPort("[2001:db9::7]:53"), 0, unknown, 1},
		{"lowest remote", does{note(addrPort("[::]:0"), vip6, 0)}, addrPort("[::]:0"), 0, answer{vip6, 0, pathmem.Known}, 1},

		{"noted mapped, sought unmapped", does{note(r4in6, vip4, 0)}, r4, 0, answer{vip4, 0, pathmem.Known}, 1},
		{"noted unmapped, sought mapped", does{note(r4, vip4, 0)}, r4in6, 0, answer{vip4, 0, pathmem.Known}, 1},
		{"mapped local", does{note(r4, addr("::ffff:192.0.2.1"), 0)}, r4, 0, answer{vip4, 0, pathmem.Known}, 1},
		{"mapped and unmapped local are one", does{note(r4, vip4, 0), note(r4, addr("::ffff:192.0.2.1"), 0)}, r4, 0, answer{vip4, 0, pathmem.Known}, 1},
		{"IPv4 is not its IPv4-compatible IPv6", does{note(r4, vip4, 0)}, addrPort("[::203.0.113.7]:5353"), 0, unknown, 1},

		{"ambiguous, last wins", does{note(r4, vip4, 0), note(r4, vip4b, 0)}, r4, 0, answer{vip4b, 0, pathmem.Ambiguous}, 1},
		{"ambiguous stays", does{note(r4, vip4, 0), note(r4, vip4b, 0), note(r4, vip4b, 0)}, r4, 0, answer{vip4b, 0, pathmem.Ambiguous}, 1},
		{"ambiguous back to the first", does{note(r4, vip4, 0), note(r4, vip4b, 0), note(r4, vip4, 0)}, r4, 0, answer{vip4, 0, pathmem.Ambiguous}, 1},
		{"ambiguous by upper half", does{note(r6, addr("2001:db8:1::1"), 0), note(r6, addr("2001:db8:2::1"), 0)}, r6, 0, answer{addr("2001:db8:2::1"), 0, pathmem.Ambiguous}, 1},

		{"lost", does{lost(r4, 0)}, r4, 0, gone, 1},
		{"lost by invalid local", does{note(r4, none, 0)}, r4, 0, gone, 1},
		{"lost after known", does{note(r4, vip4, 0), lost(r4, 0)}, r4, 0, gone, 1},
		{"lost after ambiguous", does{note(r4, vip4, 0), note(r4, vip4b, 0), lost(r4, 0)}, r4, 0, gone, 1},
		{"lost in the multicast case", does{note(linkA, group, 3), lost(linkA, 3)}, linkA, 3, gone, 1},
		{"first note after lost", does{lost(r4, 0), note(r4, vip4, 0)}, r4, 0, answer{vip4, 0, pathmem.Known}, 1},
		{"same note after lost", does{note(r4, vip4, 0), lost(r4, 0), note(r4, vip4, 0)}, r4, 0, answer{vip4, 0, pathmem.Known}, 1},
		{"other note after lost", does{note(r4, vip4, 0), lost(r4, 0), note(r4, vip4b, 0)}, r4, 0, answer{vip4b, 0, pathmem.Ambiguous}, 1},
		{"other note after lost twice", does{note(r4, vip4, 0), lost(r4, 0), lost(r4, 0), note(r4, vip4b, 0)}, r4, 0, answer{vip4b, 0, pathmem.Ambiguous}, 1},
		{"ambiguous before lost", does{note(r4, vip4, 0), note(r4, vip4b, 0), lost(r4, 0), note(r4, vip4b, 0)}, r4, 0, answer{vip4b, 0, pathmem.Ambiguous}, 1},

		{"link-local remote", does{note(linkA, own, 3)}, linkA, 3, answer{own, 3, pathmem.Known}, 1},
		{"link-local remote, other zone", does{note(linkA, own, 3)}, linkA, 4, unknown, 1},
		{"link-local remotes in two zones", does{note(linkA, own, 3), note(linkA, own, 4)}, linkA, 3, answer{own, 3, pathmem.Known}, 2},
		{"link-local remotes in far zones", does{note(linkA, own, 3), note(linkA, own, 1<<32-1)}, linkA, 1<<32 - 1, answer{own, 1<<32 - 1, pathmem.Known}, 2},
		{"link-local remote, global local", does{note(linkA, vip6, 3)}, linkA, 3, answer{vip6, 0, pathmem.Known}, 1},
		{"link-local remote, two locals", does{note(linkA, own, 3), note(linkA, vip6, 3)}, linkA, 3, answer{vip6, 0, pathmem.Ambiguous}, 1},
		{"lost link-local remote", does{note(linkA, own, 3), lost(linkA, 4)}, linkA, 3, answer{own, 3, pathmem.Known}, 2},
		{"netip zone of the remote is nothing", does{note(linkA2, own, 3)}, linkA, 3, answer{own, 3, pathmem.Known}, 1},
		{"netip zone of the remote sought is nothing", does{note(linkA, own, 3)}, linkA2, 3, answer{own, 3, pathmem.Known}, 1},
		{"netip zone of the local is nothing", does{note(linkA, addr("fe80::1%eth0"), 3), note(linkA, own, 3)}, linkA, 3, answer{own, 3, pathmem.Known}, 1},

		{"global remote, link-local local", does{note(r6, own, 3)}, r6, 0, answer{own, 3, pathmem.Known}, 1},
		{"global remote, any zone sought", does{note(r6, own, 3)}, r6, 9, answer{own, 3, pathmem.Known}, 1},
		{"global remote, local in two zones", does{note(r6, own, 3), note(r6, own, 4)}, r6, 0, answer{own, 4, pathmem.Ambiguous}, 1},
		{"zone of a global local is nothing", does{note(r6, vip6, 3), note(r6, vip6, 4)}, r6, 0, answer{vip6, 0, pathmem.Known}, 1},
		{"lost keeps the zone of the local", does{note(r6, own, 3), lost(r6, 0), note(r6, own, 3)}, r6, 0, answer{own, 3, pathmem.Known}, 1},
		{"zone of a lost global remote is nothing", does{lost(r6, 3), lost(r6, 4)}, r6, 0, gone, 1},
		{"multicast", does{note(r6, group, 5)}, r6, 0, answer{group, 5, pathmem.Known}, 1},
		{"multicast in two zones", does{note(r6, group, 5), note(r6, group, 6)}, r6, 0, answer{group, 6, pathmem.Ambiguous}, 1},
		{"multicast from link-local", does{note(linkA, group, 5)}, linkA, 5, answer{group, 5, pathmem.Known}, 1},
		{"IPv4 has no zones", does{note(link4, addr("169.254.0.1"), 3)}, link4, 4, answer{addr("169.254.0.1"), 0, pathmem.Known}, 1},
		{"unspecified IPv4 has no zone", does{note(r4, addr("0.0.0.0"), 3)}, r4, 0, answer{addr("0.0.0.0"), 0, pathmem.Known}, 1},

		{"invalid remote noted", does{note(netip.AddrPort{}, vip4, 0)}, netip.AddrPort{}, 0, unknown, 0},
		{"invalid remote lost", does{lost(netip.AddrPort{}, 0)}, netip.AddrPort{}, 0, unknown, 0},
		{"invalid remote is not the lowest", does{note(addrPort("[::]:0"), vip6, 0)}, netip.AddrPort{}, 0, unknown, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			table := pathmem.New(100)
			for _, f := range tc.do {
				f(table)
			}
			require.Equal(t, tc.want, find(table, tc.remote, tc.zone))
			require.Equal(t, tc.len, table.Len())
			require.Zero(t, table.Evicted())
		})
	}
}

// TestAllOfRemoteCounts holds that remotes that differ in a single bit of
// address, port or zone are different, whatever their hashes.
func TestAllOfRemoteCounts(t *testing.T) {
	one := addrPort("[fe80::1]:1")
	for round := range 100 { // each table hashes in its own way
		table := pathmem.New(1)
		table.Note(one, addr("fe80::2"), 1)
		for bit := range 128 {
			b := one.Addr().As16()
			b[bit/8] ^= 1 << (bit % 8)
			require.Equal(t, answer{}, find(table, netip.AddrPortFrom(netip.AddrFrom16(b), 1), 1), "bit %d, round %d", bit, round)
		}
		for bit := range 16 {
			require.Equal(t, answer{}, find(table, netip.AddrPortFrom(one.Addr(), 1^1<<bit), 1), "port bit %d", bit)
		}
		for bit := range 32 {
			require.Equal(t, answer{}, find(table, one, 1^1<<bit), "zone bit %d", bit)
		}
		require.Equal(t, answer{addr("fe80::2"), 1, pathmem.Known}, find(table, one, 1))
	}
}

func TestNewPanics(t *testing.T) {
	for _, max := range []int{0, -1} {
		require.Panics(t, func() { pathmem.New(max) })
	}
}

// model does what a Table does, plainly and without a bound.
type model map[modelKey]*modelEntry

type modelKey struct {
	remote netip.AddrPort
	zone   uint32
}

type modelEntry struct {
	local      netip.Addr
	zone       uint32
	many, lost bool
}

func (m model) at(r netip.AddrPort, zone uint32, create bool) *modelEntry {
	a := r.Addr().Unmap()
	if !a.Is6() || !a.IsLinkLocalUnicast() {
		zone = 0
	}
	k := modelKey{netip.AddrPortFrom(a, r.Port()), zone}
	if m[k] == nil && create {
		m[k] = new(modelEntry)
	}
	return m[k]
}

func (m model) note(r netip.AddrPort, l netip.Addr, zone uint32) {
	e := m.at(r, zone, true)
	l = l.Unmap()
	if !l.Is6() || !l.IsLinkLocalUnicast() && !l.IsUnspecified() {
		zone = 0
	}
	e.many = e.many || e.local.IsValid() && (e.local != l || e.zone != zone)
	e.local, e.zone, e.lost = l, zone, false
}

func (m model) find(r netip.AddrPort, zone uint32) answer {
	e := m.at(r, zone, false)
	switch {
	case e == nil:
		return answer{}
	case e.lost:
		return answer{state: pathmem.Lost}
	case e.many:
		return answer{e.local, e.zone, pathmem.Ambiguous}
	}
	return answer{e.local, e.zone, pathmem.Known}
}

// TestModel holds a Table against the model. What one View does others must see,
// whatever they knew before.
func TestModel(t *testing.T) {
	const remotes, operations = 2000, 30_000
	locals := []netip.Addr{
		addr("192.0.2.1"), addr("192.0.2.2"), addr("::ffff:192.0.2.2"), addr("2001:db8:1::1"),
		addr("2001:db8:2::1"), addr("fe80::1"), addr("fe80::2"), addr("::"),
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			table, m := pathmem.New(4*remotes), model{}
			views := make([]pathmem.View, 4)
			for i := range views {
				views[i] = table.View()
			}
			last := 0
			remote := func() netip.AddrPort {
				i := last
				if rnd.IntN(2) == 0 { // else it is known to the View that it was met by
					i = rnd.IntN(remotes)
				}
				last = i
				switch i % 4 {
				case 0:
					return remote6(i)
				case 1:
					b := addr("fe80::").As16()
					b[15] = byte(i)
					return netip.AddrPortFrom(netip.AddrFrom16(b), uint16(i>>8))
				case 2:
					return netip.AddrPortFrom(netip.AddrFrom16(local4(i+rnd.IntN(2)).As16()), 7)
				}
				return remote4(i)
			}
			for range operations {
				r, zone := remote(), uint32(rnd.IntN(3))
				v := &views[rnd.IntN(len(views))]
				switch op := rnd.IntN(20); {
				case op == 0:
					v.Note(r, netip.Addr{}, zone)
					m.at(r, zone, true).lost = true
				case op < 10:
					// Mostly the same local for a remote, so that all states occur.
					i := int(r.Port()) % len(locals)
					if rnd.IntN(8) == 0 {
						i = rnd.IntN(len(locals))
					}
					v.Note(r, locals[i], zone)
					m.note(r, locals[i], zone)
				case op == 19:
					table.Fetch(views)
				}
				for range 2 {
					if want, got := m.find(r, zone), find(v, r, zone); want != got {
						require.Equal(t, want, got, "%v zone %d", r, zone)
					}
					v = &views[rnd.IntN(len(views))]
				}
			}
			states := map[pathmem.State]int{}
			for k := range m {
				want := m.find(k.remote, k.zone)
				require.Equal(t, want, find(table, k.remote, k.zone), "%v", k)
				states[want.state]++
			}
			require.Len(t, states, 3, "the test did not reach all states: %v", states)
			require.Equal(t, len(m), table.Len())
			require.Zero(t, table.Evicted())
		})
	}
}

// TestSeeOfTwoZones holds that the zone of a link-local remote is that of the local
// address too, also where the kernel names two interfaces: never a third.
func TestSeeOfTwoZones(t *testing.T) {
	table := pathmem.New(10)
	remote := addrPort("[fe80::2]:9")
	for range 2 {
		view := table.View()
		view.Meet(remote, 2)
		view.See(pathmem.SightingOf(addr("fe80::1"), 5))
		require.Equal(t, answer{addr("fe80::1"), 2, pathmem.Known}, find(table, remote, 2))
	}
}

// TestFetch holds that it changes nothing, neither for remotes that are there nor
// for others.
func TestFetch(t *testing.T) {
	const remotes, batch = 10_000, 32
	table := pathmem.New(2 * remotes)
	views := make([]pathmem.View, batch)
	for i := range views {
		views[i] = table.View()
	}
	table.Fetch(views) // which have met nobody
	for round := range 2 {
		for at := 0; at < remotes; at += batch {
			for i := range views {
				views[i].Meet(remote6(at+i), 0)
			}
			table.Fetch(views)
			if at%3 == 0 { // what was fetched may be moved
				table.Note(remote4(at+round*remotes), local4(1), 0)
			}
			for i := range views {
				views[i].See(pathmem.SightingOf(local4(at+i), 0))
			}
		}
	}
	for i := range remotes {
		require.Equal(t, answer{local4(i), 0, pathmem.Known}, find(table, remote6(i), 0))
	}
}

// TestViewOfWhatIsGone holds that a View notices that the remote which it met last
// was forgotten, or moved, since.
func TestViewOfWhatIsGone(t *testing.T) {
	const max = 100
	table := pathmem.New(max)
	view := table.View()
	view.Note(remote4(1), local4(1), 0)
	for i := 2; i < 50*max; i++ {
		table.Note(remote4(i), local4(i), 0)
		require.Equal(t, find(table, remote4(1), 0), find(&view, remote4(1), 0))
	}
	require.Equal(t, answer{}, find(&view, remote4(1), 0))
	view.Note(remote4(1), local4(2), 0)
	require.Equal(t, answer{local4(2), 0, pathmem.Known}, find(table, remote4(1), 0))
	require.Equal(t, max, table.Len())
}
