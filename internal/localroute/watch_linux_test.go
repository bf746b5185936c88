package localroute_test

import (
	"encoding/binary"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
)

// Whatever way a VIP goes, it is soon not local any more, for Memos too.
func TestWithdrawal(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	c.veth(2, 3)
	vip := func(p string, index int) func() {
		r := localRoute(prefix(p), index)
		c.add(r)
		return func() { c.del(r) }
	}
	address := func(p string) func() {
		c.addAddr(prefix(p), 2)
		return func() { c.delAddr(prefix(p), 2) }
	}
	flap := func() { c.down(2) }
	for _, test := range []struct {
		name     string
		addr     string
		withdraw func()
	}{
		{"route", "2001:db8::7", vip("2001:db8::7/128", lo)},
		{"range", "2001:db8:96::7", vip("2001:db8:96::/96", lo)},
		{"IPv4 route", "192.0.2.7", vip("192.0.2.7/32", lo)},
		{"IPv4 range", "192.0.3.7", vip("192.0.3.0/24", lo)},
		{"address", "2001:db8:1::1", address("2001:db8:1::1/64")},
		// The last address of an interface takes the VIPs on it along, and
		// the kernel does not say so.
		{"last IPv4 address", "203.0.113.7", func() func() {
			del := address("198.51.100.1/24")
			vip("203.0.113.7/32", 2)
			return del
		}()},
		{"link down", "2001:db8:97::7", func() func() { vip("2001:db8:97::/96", 2); return flap }()},
	} {
		t.Run(test.name, func(t *testing.T) {
			table := open(t, udpSocket(t))
			a := addr(test.addr)
			awaitAddress(t, table, a, 0)
			var m localroute.Memo
			requireLocal(t, table, &m, a, true)
			test.withdraw()
			requireSoon(t, func() bool { return !isLocal(table, nil, a) && !isLocal(table, &m, a) }, "withdrawn")
		})
	}
}

// A router's routes coming and going do not void what is remembered; a local
// route after them, whose notification comes after theirs, does.
func TestUnrelatedChurn(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	keep := localRoute(prefix("2001:db8::7/128"), lo)
	fence := localRoute(prefix("2001:db8::8/128"), lo)
	c.add(keep)
	table := open(t, udpSocket(t))
	var m localroute.Memo
	requireLocal(t, table, &m, vip, true)
	asks := table.CountAsks()
	before := table.Generation()

	for _, p := range []netip.Prefix{prefix("2001:db8:8000::/48"), prefix("198.18.0.0/24")} {
		for range 200 {
			b := p.Addr().AsSlice()
			b[len(b)*3/8]++
			a, _ := netip.AddrFromSlice(b)
			p = netip.PrefixFrom(a, p.Bits())
			for _, r := range []testRoute{
				{p, unix.RTN_UNICAST, unix.RT_TABLE_MAIN, lo},
				{p, unix.RTN_UNREACHABLE, 300, 0}, // a number that does not fit rtmsg
			} {
				c.add(r)
				c.del(r)
			}
		}
	}
	requireLocal(t, table, &m, vip, true)
	require.Zero(t, asks.Load())

	c.add(fence)
	requireSoon(t, func() bool { return table.Generation() != before }, "a local route was added")
	require.Equal(t, before+1, table.Generation(), "the churn voided answers")
}

// What the kernel sends is told apart, and most of what is unrelated it does
// not even send.
func TestNotifications(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	unrelated := []testRoute{
		{prefix("2001:db8:8000::/48"), unix.RTN_UNICAST, unix.RT_TABLE_MAIN, lo},
		{prefix("198.18.0.0/24"), unix.RTN_UNICAST, unix.RT_TABLE_MAIN, lo},
		{prefix("2001:db8:8000::/48"), unix.RTN_BLACKHOLE, 300, 0},
	}
	related := []testRoute{
		localRoute(prefix("2001:db8::7/128"), lo),
		localRoute(prefix("192.0.2.7/32"), lo),
		{prefix("2001:db8::8/128"), unix.RTN_UNREACHABLE, unix.RT_TABLE_LOCAL, 0},
		{prefix("2001:db8::9/128"), unix.RTN_LOCAL, 300, lo},
		{prefix("2001:db8::a/128"), unix.RTN_ANYCAST, 300, lo},
	}
	ask, watch, err := localroute.OpenUnwatched()
	require.NoError(t, err)
	defer unix.Close(ask)
	defer unix.Close(watch)
	buf := make([]byte, 65536)
	next := func() []byte { // nil for none
		n, err := unix.Read(watch, buf)
		if err == unix.EAGAIN {
			return nil
		}
		require.NoError(t, err)
		return buf[:n]
	}

	for _, filtered := range []bool{true, false} {
		if !filtered {
			require.NoError(t, unix.SetsockoptInt(watch, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0))
		}
		for _, r := range unrelated {
			c.add(r)
			c.del(r)
			for range 2 {
				if b := next(); filtered {
					require.Nil(t, b, "%v came through the filter", r)
				} else {
					require.NotNil(t, b, "%v", r)
					require.False(t, localroute.VoidsAnswers(b), "%v", r)
				}
			}
		}
		for _, r := range related {
			for _, change := range []func(testRoute){c.add, c.del} {
				change(r)
				b := next()
				require.NotNil(t, b, "%v was held back", r)
				require.True(t, localroute.VoidsAnswers(b), "%v", r)
				require.False(t, localroute.EndsLater(b), "%v", r)
			}
		}
		for _, p := range []string{"2001:db8:3::/64", "203.0.113.0/24"} {
			for _, kind := range []uint16{unix.RTM_NEWRULE, unix.RTM_DELRULE} {
				c.do(kind, 0, ruleBody(prefix(p), 200))
				b := next()
				require.NotNil(t, b)
				require.True(t, localroute.VoidsAnswers(b))
				require.False(t, localroute.EndsLater(b))
			}
		}
	}

	c.veth(2, 3)
	c.addAddr(prefix("198.51.100.1/24"), 2)
	requireEndsLater := func(kind uint16) {
		for b := next(); ; b = next() {
			require.NotNil(t, b, "no notification of kind %d", kind)
			if binary.NativeEndian.Uint16(b[4:]) == kind {
				require.True(t, localroute.EndsLater(b))
				return
			}
		}
	}
	c.addAddr(prefix("2001:db8:1::1/64"), 2)
	for _, p := range []string{"198.51.100.1/24", "2001:db8:1::1/64"} {
		c.delAddr(prefix(p), 2)
		requireEndsLater(unix.RTM_DELADDR)
	}
	c.down(2)
	requireEndsLater(unix.RTM_NEWLINK)
	c.do(unix.RTM_DELLINK, 0, ifinfo(2, 0, 0))
	requireEndsLater(unix.RTM_DELLINK)
}

// A socket whose notifications overflow says so, and not what they were.
func TestOverrun(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	ask, watch, err := localroute.OpenUnwatched()
	require.NoError(t, err)
	require.NoError(t, unix.Close(ask))
	require.NoError(t, unix.SetsockoptInt(watch, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096))
	// Without the filter there is something that overflows and is unrelated.
	require.NoError(t, unix.SetsockoptInt(watch, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0))
	unrelated := testRoute{prefix("2001:db8:8000::/48"), unix.RTN_UNICAST, unix.RT_TABLE_MAIN, lo}
	for range 100 {
		c.add(unrelated)
		c.del(unrelated)
	}

	r := newRoutes(single(vip))
	table := r.table()
	var m localroute.Memo
	requireLocal(t, table, &m, vip, true)
	before := table.Generation()
	watcher := os.NewFile(uintptr(watch), "netlink")
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		table.Watch(watcher)
	}()
	requireSoon(t, func() bool { return table.Generation() != before }, "notifications were lost")
	requireLocal(t, table, &m, vip, true)
	require.Equal(t, 2, r.asked[vip])
	require.Equal(t, 1, table.Prefixes(), "the table goes on watching")
	require.NoError(t, watcher.Close())
	<-finished
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Without notifications nothing is remembered for longer than the clock allows.
func TestBrokenWatch(t *testing.T) {
	r := newRoutes(single(vip))
	table := r.table()
	requireLocal(t, table, nil, vip, true)
	require.False(t, table.Ticking())
	table.Watch(failing{&os.PathError{Op: "read", Path: "netlink", Err: unix.EIO}})
	require.Zero(t, table.Prefixes())
	requireLocal(t, table, nil, vip, true)
	require.Zero(t, table.Prefixes())
	require.Equal(t, 2, r.asked[vip])
	require.True(t, table.Ticking())
}

// scripted gives some notifications and is closed then.
type scripted struct{ messages [][]byte }

func (s *scripted) Read(b []byte) (int, error) {
	if len(s.messages) == 0 {
		return 0, os.ErrClosed
	}
	n := copy(b, s.messages[0])
	s.messages = s.messages[1:]
	return n, nil
}

// An address's going is announced before it has gone: an answer given in
// between is not believed for long.
func TestAskedTooEarly(t *testing.T) {
	for _, kind := range []uint16{unix.RTM_DELADDR, unix.RTM_NEWLINK, unix.RTM_DELLINK} {
		synctest.Test(t, func(t *testing.T) {
			r := newRoutes(single(vip))
			table := r.table()
			table.Watch(&scripted{[][]byte{nlmsg(kind, 0, 0, make([]byte, 16)...)}})
			var m localroute.Memo
			requireLocal(t, table, &m, vip, true)
			r.local = nil
			requireLocal(t, table, &m, vip, true)
			time.Sleep(time.Second + 1)
			requireLocal(t, table, &m, vip, false)
		})
	}
}
