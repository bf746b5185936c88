package localroute_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
)

func open(t *testing.T, fd uintptr) *localroute.Table {
	t.Helper()
	table, err := localroute.Open(fd)
	require.NoError(t, err)
	t.Cleanup(func() { _ = table.Close() })
	return table
}

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// requireSoon waits for a notification to have had its effect.
func requireSoon(t *testing.T, condition func() bool, message string) {
	t.Helper()
	deadline, tick := time.After(20*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			require.Fail(t, "nothing came of it", message)
		}
	}
}

// awaitAddress waits for the kernel to have made the local route of an IPv6
// address that was given to an interface, which it does in its own time.
func awaitAddress(t *testing.T, table *localroute.Table, a netip.Addr, index uint32) {
	t.Helper()
	requireSoon(t, func() bool {
		ok, err := table.Ask(a, index)
		return ok && err == nil
	}, a.String())
}

func isLocal(table *localroute.Table, m *localroute.Memo, a netip.Addr) bool {
	ok, err := table.Local(m, a, 0)
	return ok && err == nil
}

// As an ordinary process on the machine as it is.
func TestLoopbackAndNobody(t *testing.T) {
	table := open(t, udpSocket(t))
	requireLocal(t, table, nil, addr("192.0.2.254"), false)
	requireLocal(t, table, nil, addr("2001:db8:dead::beef"), false)
	requireLocal(t, table, nil, addr("127.0.0.1"), true)
	requireLocal(t, table, nil, addr("127.1.2.3"), true)
	requireLocal(t, table, nil, addr("::ffff:127.0.0.1"), true)
}

func TestKernelAnswers(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	c.veth(2, 3)
	forwardIPv6(t)
	c.addAddr(prefix("198.51.100.1/24"), 2)
	c.addAddr(prefix("2001:db8:1::1/64"), 2)
	c.addAddr(prefix("fe80::5/64"), 2)
	c.add(localRoute(prefix("192.0.2.7/32"), lo))
	c.add(localRoute(prefix("203.0.113.0/25"), lo))
	c.add(localRoute(prefix("2001:db8::7/128"), lo))
	c.add(localRoute(prefix("2001:db8:96::/96"), 2))
	for _, kind := range []byte{unix.RTN_UNREACHABLE, unix.RTN_BLACKHOLE, unix.RTN_PROHIBIT, unix.RTN_THROW} {
		for _, p := range []string{"2001:db8:bad::/128", "192.0.3.0/32"} {
			dst := prefix(p)
			b := dst.Addr().AsSlice()
			b[len(b)-1] = kind
			a, _ := netip.AddrFromSlice(b)
			c.add(testRoute{netip.PrefixFrom(a, dst.Bits()), kind, unix.RT_TABLE_MAIN, 0})
		}
	}
	c.add(testRoute{prefix("::/0"), unix.RTN_UNICAST, unix.RT_TABLE_MAIN, 2})

	table := open(t, udpSocket(t))
	for _, a := range []string{"2001:db8:1::1", "2001:db8:1::", "fe80::5"} {
		awaitAddress(t, table, addr(a), 2)
	}
	var m localroute.Memo
	for _, test := range []struct {
		what string
		addr string
		want bool
	}{
		{"loopback", "::1", true},
		{"loopback", "127.0.0.1", true},
		{"loopback net", "127.9.9.9", true},
		{"broadcast of the loopback net", "127.255.255.255", false},
		{"interface", "198.51.100.1", true},
		{"interface, mapped", "::ffff:198.51.100.1", true},
		{"neighbour", "198.51.100.2", false},
		{"broadcast", "198.51.100.255", false},
		{"limited broadcast", "255.255.255.255", false},
		{"local route", "192.0.2.7", true},
		{"beside it", "192.0.2.6", false},
		{"local range", "203.0.113.1", true},
		{"local range's end", "203.0.113.127", true},
		{"beyond it", "203.0.113.128", false},
		{"interface", "2001:db8:1::1", true},
		{"neighbour", "2001:db8:1::2", false},
		{"subnet-router anycast", "2001:db8:1::", true},
		{"local route", "2001:db8::7", true},
		{"beside it", "2001:db8::6", false},
		{"local range", "2001:db8:96::1:2", true},
		{"local range's end", "2001:db8:96::ffff:ffff", true},
		{"beyond it", "2001:db8:96::1:0:0", false},
		{"unreachable", "2001:db8:bad::7", false},
		{"blackhole", "2001:db8:bad::6", false},
		{"prohibit", "2001:db8:bad::8", false},
		{"throw", "2001:db8:bad::9", false},
		{"unreachable", "192.0.3.7", false},
		{"blackhole", "192.0.3.6", false},
		{"prohibit", "192.0.3.8", false},
		{"throw", "192.0.3.9", false},
		{"by default route", "2001:db8:ffff::1", false},
		{"no route", "192.0.9.1", false},
		{"multicast", "ff0e::1", false},
		{"multicast", "224.0.0.1", false},
		{"this network", "0.0.0.0", false},
		{"unspecified", "::", false},
	} {
		for range 2 {
			ok, err := table.Local(&m, addr(test.addr), 0)
			require.NoError(t, err, "%s %s", test.what, test.addr)
			require.Equal(t, test.want, ok, "%s %s", test.what, test.addr)
		}
	}
	const gone = 4
	for index, want := range map[uint32]bool{2: true, 3: false, lo: false, gone: false} {
		ok, err := table.Local(&m, addr("fe80::5"), index)
		require.NoError(t, err)
		require.Equal(t, want, ok, "fe80::5 on interface %d", index)
	}
}

func TestRangeOfTheKernelCostsOneEntry(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	c.add(localRoute(prefix("2001:db8:96::/96"), lo))
	table := open(t, udpSocket(t))
	asks := table.CountAsks()
	var m localroute.Memo
	a := addr("2001:db8:96::")
	for range 1000 {
		a = a.Next()
		requireLocal(t, table, &m, a, true)
	}
	require.EqualValues(t, 1, asks.Load())
	require.Equal(t, 1, table.Prefixes())
}

// Addresses of a hole are not taken for local because their neighbours are,
// neither those of one that was there before nor those of one added later.
func TestHoles(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	c.add(localRoute(prefix("2001:db8:96::/96"), lo))
	c.add(localRoute(prefix("2001:db8:97::/96"), lo))
	c.add(localRoute(prefix("192.0.2.0/24"), lo))
	for _, hole := range []string{"2001:db8:96::5/128", "192.0.2.5/32"} {
		c.add(testRoute{prefix(hole), unix.RTN_UNREACHABLE, unix.RT_TABLE_LOCAL, 0})
	}
	c.add(testRoute{prefix("192.0.2.6/32"), unix.RTN_UNICAST, unix.RT_TABLE_MAIN, lo})

	table := open(t, udpSocket(t))
	asks := table.CountAsks()
	var m localroute.Memo
	for range 3 {
		for _, network := range []string{"2001:db8:96::", "2001:db8:97::", "192.0.2."} {
			requireLocal(t, table, &m, addr(network+"4"), true)
		}
		requireLocal(t, table, &m, addr("2001:db8:96::5"), false)
		requireLocal(t, table, &m, addr("2001:db8:97::5"), true)
		requireLocal(t, table, &m, addr("192.0.2.5"), false)
		requireLocal(t, table, &m, addr("192.0.2.6"), false)
	}
	require.EqualValues(t, 3+3*3, asks.Load(), "each yes once, each no each time")

	c.add(testRoute{prefix("2001:db8:97::5/128"), unix.RTN_BLACKHOLE, unix.RT_TABLE_LOCAL, 0})
	requireSoon(t, func() bool { return !isLocal(table, &m, addr("2001:db8:97::5")) }, "a hole was made")
	requireLocal(t, table, &m, addr("2001:db8:97::4"), true)
}

// A local default route in a table that only a rule leads to makes local what
// the rule says, and nothing else.
func TestOtherTables(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	const table200 = 200
	for _, net := range []struct{ all, rule string }{{"::/0", "2001:db8:3::/64"}, {"0.0.0.0/0", "203.0.113.0/24"}} {
		c.add(testRoute{prefix(net.all), unix.RTN_LOCAL, table200, lo})
		c.addRule(prefix(net.rule), table200)
	}
	table := open(t, udpSocket(t))
	var m localroute.Memo
	for range 2 {
		requireLocal(t, table, &m, addr("2001:db8:3::1"), true)
		requireLocal(t, table, &m, addr("2001:db8:4::1"), false)
		// K1.9: IPv4 receives by such a route, and will not send from it.
		requireLocal(t, table, &m, addr("203.0.113.1"), false)
	}
	require.Zero(t, table.Prefixes())

	c.do(unix.RTM_DELRULE, 0, ruleBody(prefix("2001:db8:3::/64"), table200))
	requireSoon(t, func() bool { return !isLocal(table, &m, addr("2001:db8:3::1")) }, "the rule is gone")
}

func TestReceivedWithoutRoute(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	table := open(t, udpSocket(t))
	var m localroute.Memo
	for _, a := range []netip.Addr{vip, vip4} {
		requireLocal(t, table, &m, a, false)
		table.Received(&m, a, lo)
		requireLocal(t, table, &m, a, true)
		requireLocal(t, table, nil, a.Next(), false)
	}
	requireSoon(t, func() bool { return !isLocal(table, &m, vip) && !isLocal(table, nil, vip4) }, "not received again")
}
