package localroute_test

import (
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
)

var (
	vip   = netip.MustParseAddr("2001:db8::7")
	vip4  = netip.MustParseAddr("192.0.2.7")
	other = netip.MustParseAddr("2001:db8:ffff::1")
	vips  = netip.MustParsePrefix("2001:db8:96::/96")
)

// routes is a kernel with some local prefixes, that counts what it is asked.
type routes struct {
	mu    sync.Mutex
	local []netip.Prefix
	asked map[netip.Addr]int
	dumps int
	holed bool
}

func newRoutes(local ...netip.Prefix) *routes {
	return &routes{local: local, asked: make(map[netip.Addr]int)}
}

func (r *routes) table() *localroute.Table {
	return localroute.NewTable(localroute.Fake{
		Route: func(a netip.Addr, _ uint32) (localroute.Answer, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.asked[a]++
			for _, p := range r.local {
				if p.Contains(a) {
					return localroute.Answer{Local: true, Watched: true, Prefix: p}, nil
				}
			}
			return localroute.Answer{}, nil
		},
		Solid: func(netip.Prefix) bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.dumps++
			return !r.holed
		},
	})
}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

func requireLocal(t *testing.T, table *localroute.Table, m *localroute.Memo, a netip.Addr, want bool) {
	t.Helper()
	got, err := table.Local(m, a, 0)
	require.NoError(t, err)
	require.Equal(t, want, got, "Local(%v)", a)
}

func TestYesIsRemembered(t *testing.T) {
	for _, a := range []netip.Addr{vip, vip4} {
		r := newRoutes(single(a))
		table := r.table()
		var m localroute.Memo
		for range 3 {
			requireLocal(t, table, &m, a, true)
			requireLocal(t, table, nil, a, true)
			requireLocal(t, table, new(localroute.Memo), a, true)
		}
		require.Equal(t, 1, r.asked[a])
		require.Equal(t, 1, table.Prefixes())
	}
}

func TestNoIsNotRemembered(t *testing.T) {
	r := newRoutes()
	table := r.table()
	var m localroute.Memo
	for range 3 {
		requireLocal(t, table, &m, vip, false)
	}
	require.Equal(t, 3, r.asked[vip])
	r.local = append(r.local, single(vip))
	requireLocal(t, table, &m, vip, true)
}

func TestMappedIsIPv4(t *testing.T) {
	r := newRoutes(single(vip4))
	table := r.table()
	var m localroute.Memo
	requireLocal(t, table, &m, netip.AddrFrom16(vip4.As16()), true)
	requireLocal(t, table, &m, vip4, true)
	require.Equal(t, map[netip.Addr]int{vip4: 1}, r.asked)
}

func TestNeverLocal(t *testing.T) {
	r := newRoutes(netip.MustParsePrefix("::/0"), netip.MustParsePrefix("0.0.0.0/0"))
	table := r.table()
	requireLocal(t, table, nil, vip, true) // ::/0 is remembered
	var m localroute.Memo
	for _, a := range []netip.Addr{
		{},
		netip.IPv6Unspecified(), netip.IPv4Unspecified(), netip.MustParseAddr("::ffff:0.0.0.0"),
		netip.MustParseAddr("ff0e::1"), netip.MustParseAddr("ff02::1%eth0"),
		netip.MustParseAddr("224.0.0.1"), netip.MustParseAddr("::ffff:239.1.2.3"),
	} {
		for range 2 {
			table.Received(&m, a, 0)
			requireLocal(t, table, &m, a, false)
		}
		require.Zero(t, r.asked[a])
	}
	require.Zero(t, table.Remembered())
}

func TestRangeCostsOneEntry(t *testing.T) {
	r := newRoutes(vips, netip.MustParsePrefix("2001:db8:4000::/40"), netip.MustParsePrefix("2001:db9::/64"), netip.MustParsePrefix("2001:db8:9600::/96"))
	table := r.table()
	a := vips.Addr()
	for range 1000 {
		requireLocal(t, table, nil, a, true)
		a = a.Next()
	}
	require.Equal(t, map[netip.Addr]int{vips.Addr(): 1}, r.asked)
	require.Equal(t, 1, r.dumps)
	require.Equal(t, 1, table.Prefixes())

	for _, p := range r.local[1:] {
		requireLocal(t, table, nil, p.Addr().Next(), true)
		requireLocal(t, table, nil, p.Addr(), true)
		last := p.Addr().As16()
		for bit := p.Bits(); bit < 128; bit++ {
			last[bit/8] |= 0x80 >> (bit % 8)
		}
		requireLocal(t, table, nil, netip.AddrFrom16(last), true)
		require.Zero(t, r.asked[netip.AddrFrom16(last)])
	}
	require.Equal(t, 4, table.Prefixes())
	for _, p := range r.local {
		requireLocal(t, table, nil, p.Masked().Addr().Prev(), false)
	}
}

func TestRangeWithHolesIsRememberedByAddress(t *testing.T) {
	r := newRoutes(vips)
	r.holed = true
	table := r.table()
	a, b := vips.Addr(), vips.Addr().Next()
	for range 3 {
		requireLocal(t, table, nil, a, true)
		requireLocal(t, table, nil, b, true)
	}
	require.Equal(t, map[netip.Addr]int{a: 1, b: 1}, r.asked)
	require.Equal(t, 1, r.dumps)
	r.local = nil
	requireLocal(t, table, nil, b.Next(), false)
}

// A prefix of IPv6 must not swallow the mapped spelling of IPv4, nor
// link-local addresses, that are local on one link only.
func TestRangesHoldOnlyGlobalIPv6(t *testing.T) {
	r := newRoutes(netip.MustParsePrefix("::/0"))
	table := r.table()
	requireLocal(t, table, nil, vip, true)
	r.local = nil
	requireLocal(t, table, nil, other, true)
	requireLocal(t, table, nil, vip4, false)
	requireLocal(t, table, nil, netip.MustParseAddr("fe80::1"), false)
}

func TestLinkLocalIsPerInterface(t *testing.T) {
	ll := netip.MustParseAddr("fe80::1")
	asked := 0
	table := localroute.NewTable(localroute.Fake{
		Route: func(a netip.Addr, ifindex uint32) (localroute.Answer, error) {
			require.Empty(t, a.Zone())
			asked++
			return localroute.Answer{Local: ifindex == 2, Watched: true, Prefix: netip.MustParsePrefix("fe80::/64")}, nil
		},
	})
	var m localroute.Memo
	for range 2 {
		for index, want := range []bool{2: true, 3: false} {
			got, err := table.Local(&m, ll.WithZone("any"), uint32(index))
			require.NoError(t, err)
			require.Equal(t, want, got, "interface %d", index)
		}
	}
	asked = 0
	ok, err := table.Local(nil, ll, 2)
	require.NoError(t, err)
	require.True(t, ok)
	require.Zero(t, asked, "the address on its link is remembered")
}

// What is not link-local is local or not whatever the interface, and must not
// be asked again for each.
func TestIndexIsOfNoAccountElsewhere(t *testing.T) {
	for _, a := range []netip.Addr{vip, vip4, netip.MustParseAddr("169.254.1.1")} {
		r := newRoutes(single(a))
		table := localroute.NewTable(localroute.Fake{
			Route: func(a netip.Addr, ifindex uint32) (localroute.Answer, error) {
				require.Zero(t, ifindex)
				r.asked[a]++
				return localroute.Answer{Local: true, Watched: true, Prefix: single(a)}, nil
			},
		})
		for index := range uint32(3) {
			ok, err := table.Local(nil, a, index)
			require.NoError(t, err)
			require.True(t, ok)
		}
		require.Equal(t, 1, r.asked[a])
	}
}

func TestResetVoidsEverything(t *testing.T) {
	r := newRoutes(single(vip), vips)
	table := r.table()
	var m localroute.Memo
	requireLocal(t, table, &m, vip, true)
	requireLocal(t, table, &m, vips.Addr(), true)
	r.local = nil
	requireLocal(t, table, &m, vip, true)
	requireLocal(t, table, &m, vips.Addr().Next(), true)
	table.Reset()
	require.Zero(t, table.Prefixes())
	requireLocal(t, table, &m, vip, false)
	requireLocal(t, table, &m, vips.Addr(), false)
	requireLocal(t, table, &m, vips.Addr().Next(), false)
}

// The kernel says yes, the VIP is withdrawn, the notification is read, and
// only then the answer arrives where it would be remembered.
func TestAnswerOvertakenByWithdrawal(t *testing.T) {
	for _, test := range []struct {
		name   string
		prefix netip.Prefix
		when   string
	}{
		{"address", single(vip), "lookup"},
		{"range", vips, "lookup"},
		{"range, while searched for holes", vips, "dump"},
	} {
		t.Run(test.name, func(t *testing.T) {
			withdrawn := false
			var table *localroute.Table
			withdraw := func(now string) {
				if now == test.when && !withdrawn {
					withdrawn = true
					table.Reset()
				}
			}
			table = localroute.NewTable(localroute.Fake{
				Route: func(netip.Addr, uint32) (localroute.Answer, error) {
					answer := localroute.Answer{Local: !withdrawn, Watched: true, Prefix: test.prefix}
					withdraw("lookup")
					return answer, nil
				},
				Solid: func(netip.Prefix) bool {
					withdraw("dump")
					return true
				},
			})
			var m localroute.Memo
			a := test.prefix.Addr()
			requireLocal(t, table, &m, a, true) // so it was when asked
			require.Zero(t, table.Prefixes())
			requireLocal(t, table, &m, a, false)
		})
	}
}

// Ask finds out what the notification that is still to be read will say.
func TestAskGoesPastMemory(t *testing.T) {
	r := newRoutes(single(vip))
	table := r.table()
	var m localroute.Memo
	requireLocal(t, table, &m, vip, true)
	for _, want := range []bool{true, false} {
		got, err := table.Ask(vip, 0)
		require.NoError(t, err)
		require.Equal(t, want, got)
		r.local = nil
	}
	for _, a := range []string{"ff02::1", "::", "0.0.0.0"} {
		got, err := table.Ask(netip.MustParseAddr(a), 2)
		require.NoError(t, err)
		require.False(t, got)
	}
	require.Equal(t, map[netip.Addr]int{vip: 3}, r.asked)
}

func TestMemoOfAnotherTable(t *testing.T) {
	var m localroute.Memo
	requireLocal(t, newRoutes(single(vip)).table(), &m, vip, true)
	requireLocal(t, newRoutes().table(), &m, vip, false)
}

func TestMemoKeepsManyAddressesApart(t *testing.T) {
	r := newRoutes()
	a := vip
	for i := range 1000 {
		if i%3 == 0 {
			r.local = append(r.local, single(a))
		}
		a = a.Next()
	}
	table := r.table()
	var m localroute.Memo
	for range 2 {
		a = vip
		for i := range 1000 {
			requireLocal(t, table, &m, a, i%3 == 0)
			requireLocal(t, table, &m, a, i%3 == 0)
			a = a.Next()
		}
	}
}

func TestFailureToAsk(t *testing.T) {
	cause := errors.New("no such luck")
	table := localroute.NewTable(localroute.Fake{
		Route: func(netip.Addr, uint32) (localroute.Answer, error) { return localroute.Answer{}, cause },
	})
	var m localroute.Memo
	ok, err := table.Local(&m, vip, 0)
	require.False(t, ok)
	require.ErrorIs(t, err, cause)
	require.ErrorIs(t, err, localroute.ErrUnavailable)
	require.ErrorContains(t, err, vip.String())
	ok, err = table.Ask(vip, 0)
	require.False(t, ok)
	require.ErrorIs(t, err, localroute.ErrUnavailable)

	table.Received(&m, vip, 0) // received is received
	requireLocal(t, table, &m, vip, true)
	requireLocal(t, table, nil, vip, true)
}

func TestMemoryIsBounded(t *testing.T) {
	r := newRoutes(vips)
	r.holed = true // so every address of the range is an entry
	table := r.table()
	a := vips.Addr()
	for range localroute.MaxPrefixes + localroute.MaxPrefixes/2 {
		requireLocal(t, table, nil, a, true)
		a = a.Next()
	}
	require.LessOrEqual(t, table.Prefixes(), localroute.MaxPrefixes)
	require.GreaterOrEqual(t, table.Prefixes(), localroute.MaxPrefixes/4)
	a = vips.Addr()
	requireLocal(t, table, nil, a, true)
	require.Equal(t, 2, r.asked[a])
}

// Once the withdrawal has been read nobody is told yes any more.
func TestConcurrentUse(t *testing.T) {
	var local atomic.Bool
	var epoch atomic.Int64 // even from when a withdrawal has been read until the VIPs come back
	table := localroute.NewTable(localroute.Fake{
		Route: func(netip.Addr, uint32) (localroute.Answer, error) {
			return localroute.Answer{Local: local.Load(), Watched: true, Prefix: vips}, nil
		},
	})
	stop := make(chan struct{})
	var group sync.WaitGroup
	var wrong, right atomic.Int64
	for range 4 {
		group.Go(func() {
			var m localroute.Memo
			for a := vips.Addr(); ; a = a.Next() {
				select {
				case <-stop:
					return
				default:
				}
				before := epoch.Load()
				ok, err := table.Local(&m, a, 0)
				switch {
				case err != nil, ok && before%2 == 0 && epoch.Load() == before:
					wrong.Add(1)
				case ok:
					right.Add(1)
				}
			}
		})
	}
	for range 50 {
		epoch.Add(1)
		local.Store(true)
		for seen := right.Load(); right.Load() == seen; {
			runtime.Gosched()
		}
		local.Store(false)
		table.Reset()
		epoch.Add(1)
		for range 10 {
			requireLocal(t, table, nil, vips.Addr(), false)
		}
	}
	close(stop)
	group.Wait()
	require.Zero(t, wrong.Load())
}
