package localroute

import (
	"errors"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	vip   = addr("2001:db8::7")
	vip4  = addr("192.0.2.7")
	other = addr("2001:db8:ffff::1")
	vips  = netip.MustParsePrefix("2001:db8:96::/96")
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// A fake is a kernel made of a function.
type fake func(question) (answer, error)

func (f fake) ask(q question) (answer, error) { return f(q) }

func (fake) close() {}

// routes is a kernel with some local prefixes, that counts what it is asked.
type routes struct {
	*Table
	local []netip.Prefix
	asked map[netip.Addr]int
}

func newRoutes(local ...netip.Prefix) *routes {
	r := &routes{local: local, asked: make(map[netip.Addr]int)}
	r.Table = &Table{kernel: fake(func(q question) (answer, error) {
		r.asked[q.addr]++
		for _, p := range r.local {
			if p.Contains(q.addr.WithZone("")) {
				a := answer{local: true, bits: 128}
				if q.received {
					a.bits = uint32(128 - q.addr.BitLen() + p.Bits())
				}
				return a, nil
			}
		}
		return answer{bits: 128}, nil
	})}
	return r
}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

func requireLocal(t *testing.T, table *Table, a netip.Addr, want bool) {
	t.Helper()
	got, err := table.Local(a, 0)
	require.NoError(t, err)
	require.Equal(t, want, got, "Local(%v)", a)
}

// state returns how many answers are remembered, and whether the clock runs.
func (t *Table) state() (size int, ticking bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.young.m) + len(t.old.m), t.timer != nil
}

func requireTicking(t *testing.T, table *Table, want bool) {
	t.Helper()
	size, ticking := table.state()
	require.Equal(t, want, ticking)
	require.Equal(t, want, size > 0, "it runs only while there is something to forget")
}

// An answer, yes or no, is good for one to two periods, also if it is used all
// the time, and the clock stops when there is nothing to forget. Sleeping is by
// synctest's clock, and takes no time.
func TestPromise5_Clock(t *testing.T) {
	for _, local := range []bool{true, false} {
		for _, after := range []time.Duration{0, period / 4, period - 1} {
			synctest.Test(t, func(t *testing.T) {
				r := newRoutes()
				requireLocal(t, r.Table, other, false) // starts the clock
				requireTicking(t, r.Table, true)
				time.Sleep(after)
				set := func(local bool) {
					if r.local = nil; local {
						r.local = []netip.Prefix{single(vip)}
					}
				}
				set(local)
				requireLocal(t, r.Table, vip, local)
				set(!local)
				for range 9 {
					time.Sleep(period / 9)
					requireLocal(t, r.Table, vip, local)
					ok, err := r.Received(vip, 0, other)
					require.NoError(t, err)
					require.Equal(t, local, ok)
				}
				require.Equal(t, 1, r.asked[vip])
				time.Sleep(period + 2)
				requireLocal(t, r.Table, vip, !local)
				require.Equal(t, 2, r.asked[vip])

				time.Sleep(2*period + 1)
				requireTicking(t, r.Table, false)
				requireLocal(t, r.Table, vip, !local) // it starts again
				requireTicking(t, r.Table, true)
				time.Sleep(2*period + 1)
				requireTicking(t, r.Table, false)
			})
		}
	}
}

// Turned by hand, the clock stops and starts as by the timer.
func TestTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoutes(single(vip))
		r.Tick()
		requireTicking(t, r.Table, false)
		for i := range 3 {
			requireLocal(t, r.Table, vip, true)
			time.Sleep(period / 2)
			r.Tick()
			requireTicking(t, r.Table, true)
			requireLocal(t, r.Table, vip, true)
			require.Equal(t, i+1, r.asked[vip])
			r.Tick()
			requireTicking(t, r.Table, false)
		}
		requireLocal(t, r.Table, vip, true)
		r.Tick()
		time.Sleep(period - 1)
		requireLocal(t, r.Table, vip, true)
		require.Equal(t, 4, r.asked[vip])
		time.Sleep(period / 2)
		requireTicking(t, r.Table, false)
	})
}

// The prefix that a received datagram's route has answers for all of it, and
// for nothing else; a no answers for the address alone.
func TestPrefixes(t *testing.T) {
	prefixes := []netip.Prefix{vips}
	for _, p := range []string{"2001:db8:4000::/40", "2001:db9::/64", "2001:dba::/127"} {
		prefixes = append(prefixes, netip.MustParsePrefix(p))
	}
	r := newRoutes(prefixes...)
	for _, p := range prefixes {
		last := p.Addr().As16()
		for bit := p.Bits(); bit < 128; bit++ {
			last[bit/8] |= 0x80 >> (bit % 8)
		}
		first, last_ := p.Addr(), netip.AddrFrom16(last)
		requireLocal(t, r.Table, first.Prev(), false)
		requireLocal(t, r.Table, last_.Next(), false)
		ok, err := r.Received(last_, 2, other)
		require.True(t, ok)
		require.NoError(t, err)
		requireLocal(t, r.Table, first, true)
		requireLocal(t, r.Table, last_, true)
		requireLocal(t, r.Table, first.Prev(), false)
		requireLocal(t, r.Table, last_.Next(), false)
		require.Zero(t, r.asked[first])
		require.Equal(t, 1, r.asked[last_])
	}
}

// A prefix must not cover IPv4, which is held as IPv4-mapped addresses, nor
// link-local addresses, which are local on one link only, nor groups.
func TestPrefixesHoldOnlyGlobalIPv6(t *testing.T) {
	r := newRoutes(netip.MustParsePrefix("::/0"))
	ok, err := r.Received(vip, 2, other)
	require.True(t, ok)
	require.NoError(t, err)
	ll := addr("fe80::1")
	ok, err = r.Received(ll, 2, other) // remembered for itself and its link
	require.True(t, ok)
	require.NoError(t, err)
	r.local = nil
	requireLocal(t, r.Table, other, true)
	requireLocal(t, r.Table, vip4, false)
	for i, want := range []bool{2: true, 3: false} {
		ok, err := r.Local(ll.WithZone("any"), uint32(i))
		require.NoError(t, err)
		require.Equal(t, want, ok, i)
	}
	requireLocal(t, r.Table, addr("fe80::2"), false)
	for _, a := range []netip.Addr{
		{}, netip.IPv6Unspecified(), netip.IPv4Unspecified(), addr("ff0e::1"), addr("ff02::1%eth0"), addr("224.0.0.1"),
	} {
		requireLocal(t, r.Table, a, false)
		ok, err := r.Received(a, 2, other)
		require.NoError(t, err)
		require.False(t, ok)
		ok, err = r.Ask(a, 2)
		require.NoError(t, err)
		require.False(t, ok)
		require.False(t, r.Broadcast(a))
		require.Zero(t, r.asked[a])
	}
}

// A no to a received datagram is good as well, for its interface, and the kernel
// is asked without one before it is given.
func TestReceivedNo(t *testing.T) {
	var asked []question
	table := &Table{kernel: fake(func(q question) (answer, error) {
		asked = append(asked, q)
		return answer{bits: 128, local: !q.received && q.addr == vip4}, nil
	})}
	for _, a := range []netip.Addr{vip, vip4} {
		asked = nil
		for range 3 {
			ok, err := table.Received(a, 2, other)
			require.NoError(t, err)
			require.Equal(t, a == vip4, ok)
			requireLocal(t, table, a, a == vip4)
		}
		require.Equal(t, []question{
			{addr: a, ifindex: 2, received: true, remote: other},
			{addr: a, ifindex: 2},
		}, asked)
	}
	_, err := table.Received(vip, 3, other)
	require.NoError(t, err)
	require.Len(t, asked, 4)
}

// A no ends, also where it is not fresh, as a prefix around the address proves to be local.
func TestReceivedAfterNo(t *testing.T) {
	r := newRoutes()
	requireLocal(t, r.Table, vips.Addr(), false)
	r.Tick()
	r.local = []netip.Prefix{vips}
	ok, err := r.Received(vips.Addr(), 2, other)
	require.NoError(t, err)
	require.True(t, ok)
	requireLocal(t, r.Table, vips.Addr(), true)
}

// Memory is bounded whatever clients do, the oldest answers give way, and the
// memory is free again when they are over.
func TestPromise8_Bounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoutes()
		for i := range 200_000 {
			a := netip.AddrFrom16([16]byte{0: 0x20, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
			for range 2 {
				if ok, err := r.Local(a, 0); ok || err != nil {
					t.Fatal(a, ok, err)
				}
			}
			if size, _ := r.state(); size > 2*maxAnswers {
				t.Fatal(size)
			}
		}
		require.Len(t, r.asked, 200_000)
		total := 0
		for _, n := range r.asked {
			total += n
		}
		require.Equal(t, 200_000, total, "each was asked for once")
		size, _ := r.state()
		require.GreaterOrEqual(t, size, maxAnswers)
		time.Sleep(2*period + 1)
		requireTicking(t, r.Table, false)
	})
}

// The kernel says yes, the address is withdrawn, its time passes, and only then
// the answer arrives where it would be remembered.
func TestPromise5_LateAnswer(t *testing.T) {
	var table *Table
	withdrawn := false
	table = &Table{kernel: fake(func(question) (answer, error) {
		a := answer{local: !withdrawn, bits: 128}
		if !withdrawn {
			withdrawn = true
			table.Tick()
			table.Tick()
		}
		return a, nil
	})}
	requireLocal(t, table, vip, true) // so it was when asked
	requireTicking(t, table, false)   // and nothing was remembered
	requireLocal(t, table, vip, false)
}

func TestFailureToAsk(t *testing.T) {
	cause := errors.New("no such luck")
	table := &Table{kernel: fake(func(question) (answer, error) { return answer{local: true}, cause })}
	for range 2 {
		for name, ask := range map[string]func() (bool, error){
			"local":    func() (bool, error) { return table.Local(vip, 0) },
			"ask":      func() (bool, error) { return table.Ask(vip, 0) },
			"received": func() (bool, error) { return table.Received(vip, 2, other) },
		} {
			ok, err := ask()
			require.False(t, ok, name)
			require.ErrorIs(t, err, cause, name)
			require.ErrorIs(t, err, ErrUnavailable, name)
			require.ErrorContains(t, err, vip.String(), name)
		}
		require.False(t, table.Broadcast(vip4))
	}
	requireTicking(t, table, false) // a failure is not remembered
}

// Two ticks after a withdrawal nobody gets a yes, whoever asks meanwhile.
func TestPromise9_Concurrent(t *testing.T) {
	var local atomic.Bool
	var epoch atomic.Int64 // even from two ticks after a withdrawal until the VIPs come back
	table := &Table{kernel: fake(func(q question) (answer, error) {
		return answer{local: local.Load(), bits: 128 - 32*uint32(q.addr.As16()[15]&1)}, nil
	})}
	stop := make(chan struct{})
	var group sync.WaitGroup
	var wrong, right atomic.Int64
	for range 4 {
		group.Go(func() {
			for a := vips.Addr(); ; a = a.Next() {
				select {
				case <-stop:
					return
				default:
				}
				runtime.Gosched()
				before := epoch.Load()
				received, err := table.Received(a, 2, other)
				ok, err2 := table.Local(a, 0)
				switch {
				case err != nil, err2 != nil, (ok || received) && before%2 == 0 && epoch.Load() == before:
					wrong.Add(1)
				case ok:
					right.Add(1)
				}
			}
		})
	}
	for range 20 {
		epoch.Add(1)
		local.Store(true)
		for seen := right.Load(); right.Load() == seen; {
			table.Tick() // a no may be remembered
			runtime.Gosched()
		}
		local.Store(false)
		table.Tick()
		table.Tick()
		epoch.Add(1)
		requireLocal(t, table, vips.Addr(), false)
	}
	close(stop)
	group.Wait()
	require.Zero(t, wrong.Load())
}
