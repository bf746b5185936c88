package pathmem

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	addr     = netip.MustParseAddr
	addrPort = netip.MustParseAddrPort
)

// remote4 and remote6 return the i-th remote of its kind.
func remote4(i int) netip.AddrPort { return netip.AddrPortFrom(local4(i), 4000) }

func remote6(i int) netip.AddrPort {
	b := addr("2001:db8::").As16()
	binary.BigEndian.PutUint64(b[8:], uint64(i))
	return netip.AddrPortFrom(netip.AddrFrom16(b), 4000)
}

func local4(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 10<<24|uint32(i))
	return netip.AddrFrom4(b)
}

// answer is what Find returned.
type answer struct {
	local   netip.Addr
	ifindex uint32
	state   State
}

func find(t *Table, remote netip.AddrPort, ifindex uint32) (a answer) {
	a.local, a.ifindex, a.state = t.Find(remote, ifindex)
	return a
}

func TestPromise1_Find(t *testing.T) {
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
	type noted struct {
		remote       netip.AddrPort
		ifindex      uint32
		local        netip.Addr
		localIfindex uint32
	}
	note := func(r netip.AddrPort, l netip.Addr, ifindex uint32) noted { return noted{r, ifindex, l, ifindex} }
	lost := func(r netip.AddrPort, ifindex uint32) noted { return note(r, none, ifindex) }
	type notes = []noted
	unknown := answer{}
	gone := answer{state: Lost}

	for _, tc := range []struct {
		name    string
		notes   []noted
		remote  netip.AddrPort
		ifindex uint32
		want    answer
		len     int
	}{
		{"nothing", nil, r4, 0, unknown, 0},
		{"known", notes{note(r4, vip4, 0)}, r4, 0, answer{vip4, 0, Known}, 1},
		{"lowest remote", notes{note(addrPort("[::]:0"), vip6, 0)}, addrPort("[::]:0"), 0, answer{vip6, 0, Known}, 1},

		{"noted mapped, sought unmapped", notes{note(r4in6, vip4, 0)}, r4, 0, answer{vip4, 0, Known}, 1},
		{"mapped and unmapped local are one", notes{note(r4, vip4, 0), note(r4, addr("::ffff:192.0.2.1"), 0)}, r4, 0, answer{vip4, 0, Known}, 1},

		{"ambiguous, last wins", notes{note(r4, vip4, 0), note(r4, vip4b, 0)}, r4, 0, answer{vip4b, 0, Ambiguous}, 1},
		{"ambiguous stays", notes{note(r4, vip4, 0), note(r4, vip4b, 0), note(r4, vip4b, 0)}, r4, 0, answer{vip4b, 0, Ambiguous}, 1},
		{"ambiguous back to the first", notes{note(r4, vip4, 0), note(r4, vip4b, 0), note(r4, vip4, 0)}, r4, 0, answer{vip4, 0, Ambiguous}, 1},

		{"lost", notes{lost(r4, 0)}, r4, 0, gone, 1},
		{"lost after known", notes{note(r4, vip4, 0), lost(r4, 0)}, r4, 0, gone, 1},
		{"same note after lost", notes{note(r4, vip4, 0), lost(r4, 0), note(r4, vip4, 0)}, r4, 0, answer{vip4, 0, Known}, 1},
		{"other note after lost", notes{note(r4, vip4, 0), lost(r4, 0), note(r4, vip4b, 0)}, r4, 0, answer{vip4b, 0, Ambiguous}, 1},

		{"link-local remote", notes{note(linkA, own, 3)}, linkA, 3, answer{own, 3, Known}, 1},
		{"link-local remotes on two interfaces", notes{note(linkA, own, 3), note(linkA, own, 4)}, linkA, 3, answer{own, 3, Known}, 2},
		{"link-local remote, global local", notes{note(linkA, vip6, 3)}, linkA, 3, answer{vip6, 0, Known}, 1},
		{"netip zone of the remote is nothing", notes{note(linkA2, own, 3)}, linkA, 3, answer{own, 3, Known}, 1},
		{"netip zone of the local is nothing", notes{note(linkA, addr("fe80::1%eth0"), 3), note(linkA, own, 3)}, linkA, 3, answer{own, 3, Known}, 1},

		{"global remote, link-local local", notes{note(r6, own, 3)}, r6, 0, answer{own, 3, Known}, 1},
		{"global remote, any interface sought", notes{note(r6, own, 3)}, r6, 9, answer{own, 3, Known}, 1},
		{"global remote, local on two interfaces", notes{note(r6, own, 3), note(r6, own, 4)}, r6, 0, answer{own, 4, Ambiguous}, 1},
		{"interface of a global local is nothing", notes{note(r6, vip6, 3), note(r6, vip6, 4)}, r6, 0, answer{vip6, 0, Known}, 1},
		{"lost keeps the interface of the local", notes{note(r6, own, 3), lost(r6, 0), note(r6, own, 3)}, r6, 0, answer{own, 3, Known}, 1},
		{"interface of a lost global remote is nothing", notes{lost(r6, 3), lost(r6, 4)}, r6, 0, gone, 1},
		{"multicast on two interfaces", notes{note(r6, group, 5), note(r6, group, 6)}, r6, 0, answer{group, 6, Ambiguous}, 1},
		{"a site-local remote has no interface", notes{note(addrPort("[fec0::7]:53"), vip6, 3)}, addrPort("[fec0::7]:53"), 4, answer{vip6, 0, Known}, 1},
		{"IPv4 has no zones", notes{note(link4, addr("169.254.0.1"), 3)}, link4, 4, answer{addr("169.254.0.1"), 0, Known}, 1},

		{"invalid remote noted", notes{note(netip.AddrPort{}, vip4, 0)}, netip.AddrPort{}, 0, unknown, 0},
		{"invalid remote is not the lowest", notes{note(addrPort("[::]:0"), vip6, 0)}, netip.AddrPort{}, 0, unknown, 1},
		{"two interfaces, the remote's is the local's too", notes{{linkA, 2, own, 5}, {linkA, 2, own, 6}}, linkA, 2, answer{own, 2, Known}, 1},
		{"interface of a global remote is not the local's", notes{{r6, 2, own, 5}}, r6, 2, answer{own, 5, Known}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			table := New(100)
			for _, n := range tc.notes {
				table.Note(n.remote, n.ifindex, n.local, n.localIfindex)
			}
			require.Equal(t, tc.want, find(table, tc.remote, tc.ifindex))
			entries, _, evicted := table.Usage()
			require.Equal(t, tc.len, entries)
			require.Zero(t, evicted)
		})
	}
}

// A model does what a Table does, plainly and without a bound.
type model map[modelKey]modelEntry

type modelKey struct {
	remote  netip.AddrPort
	ifindex uint32
}

type modelEntry struct {
	local answer // its last one that is not lost
	lost  bool
}

func keyOfModel(r netip.AddrPort, ifindex uint32) modelKey {
	a := r.Addr().Unmap()
	if !a.Is6() || !a.IsLinkLocalUnicast() {
		ifindex = 0
	}
	return modelKey{netip.AddrPortFrom(a, r.Port()), ifindex}
}

func (m model) note(k modelKey, l netip.Addr, ifindex uint32) {
	e := m[k]
	if e.lost = !l.IsValid(); !e.lost {
		l = l.Unmap()
		if !l.Is6() || !l.IsLinkLocalUnicast() && !l.IsUnspecified() {
			ifindex = 0
		}
		seen := answer{l, ifindex, Known}
		if e.local.state == Ambiguous || e.local.state == Known && e.local != seen {
			seen.state = Ambiguous
		}
		e.local = seen
	}
	m[k] = e
}

func (m model) find(k modelKey) answer {
	if m[k].lost {
		return answer{state: Lost}
	}
	return m[k].local
}

// TestModel compares a Table with the model.
func TestModel(t *testing.T) {
	const remotes, operations = 500, 30_000
	locals := []netip.Addr{
		addr("192.0.2.1"), addr("192.0.2.2"), addr("::ffff:192.0.2.2"), addr("2001:db8:1::1"),
		addr("2001:db8:2::1"), addr("fe80::1"), addr("fe80::2"), addr("::"),
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			table, m := New(20*remotes), model{}
			kinds := []func(i int) netip.AddrPort{
				remote4,
				remote6,
				func(i int) netip.AddrPort { return netip.AddrPortFrom(addr("fe80::7"), uint16(i)) },
				func(i int) netip.AddrPort { return netip.AddrPortFrom(netip.AddrFrom16(local4(i).As16()), 4000) }, // remote4's
			}
			for range operations {
				n, ifindex := rnd.IntN(remotes), uint32(rnd.IntN(3))
				r := kinds[rnd.IntN(len(kinds))](n)
				k := keyOfModel(r, ifindex)
				// Mostly the same local for a remote, so that all states occur.
				local := locals[n%len(locals)]
				switch rnd.IntN(16) {
				case 0:
					local = netip.Addr{}
				case 1:
					local = locals[rnd.IntN(len(locals))]
				}
				if rnd.IntN(2) == 0 {
					table.Note(r, ifindex, local, ifindex)
					m.note(k, local, ifindex)
				}
				if want, got := m.find(k), find(table, r, ifindex); want != got {
					require.Equal(t, want, got, "%v interface %d", r, ifindex)
				}
			}
			states := map[State]int{}
			for k := range m {
				want := m.find(k)
				require.Equal(t, want, find(table, k.remote, k.ifindex), "%v", k)
				states[want.state]++
			}
			require.Len(t, states, 3, "the test did not reach all states: %v", states)
			entries, _, evicted := table.Usage()
			require.Equal(t, len(m), entries)
			require.Zero(t, evicted)
		})
	}
}
