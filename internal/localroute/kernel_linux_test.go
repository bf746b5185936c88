package localroute

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var (
	remote  = netip.MustParseAddr("2001:db8:c::1")
	remote4 = netip.MustParseAddr("198.18.0.1")
)

func remoteOf(a netip.Addr) netip.Addr {
	if a.Is4() {
		return remote4
	}
	return remote
}

func requireReceived(t *testing.T, table *Table, a netip.Addr, index uint32, want bool) {
	t.Helper()
	got, err := table.Received(a, index, remoteOf(a))
	require.NoError(t, err)
	require.Equal(t, want, got, "Received(%v, %d)", a, index)
}

// As an ordinary process on the machine as it is.
func TestPromise5_LoopbackAndNobody(t *testing.T) {
	table := openTable(t, udpSocket(t))
	for a, want := range map[string]bool{
		"192.0.2.254": false, "2001:db8:dead::beef": false, "127.0.0.1": true, "127.1.2.3": true,
	} {
		requireLocal(t, table, addr(a), want)
		requireReceived(t, table, addr(a), lo, want)
	}
}

// Whether asked for a received datagram or without one, and from memory.
func TestPromise5_KernelAnswers(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	sysctl(t, "ipv6/conf/all/forwarding", "1") // for the subnet-router anycast address
	c.veth()
	c.addAddr("198.51.100.1/24", 0)
	c.addAddr("2001:db8:1::1/64", unix.IFA_F_NODAD)
	c.addAddr("fe80::5/64", unix.IFA_F_NODAD)
	deprecated := append(append(number(0), number(^uint32(0))...), make([]byte, 8)...)
	c.addAddr("2001:db8:2::1/64", unix.IFA_F_NODAD, attr(unix.IFA_CACHEINFO, deprecated)...)
	sysctl(t, "ipv6/conf/test0/dad_transmits", "1000")
	c.addAddr("2001:db8:3::1/64", 0)
	for _, vip := range []string{"192.0.2.7/32", "203.0.113.0/25", "2001:db8::7/128", "2001:db8:96::/96"} {
		c.add(localRoute(vip))
	}
	for dst, kind := range map[string]byte{
		"2001:db8:bad::1/128": unix.RTN_UNREACHABLE, "192.0.3.1/32": unix.RTN_UNREACHABLE,
		"2001:db8:bad::2/128": unix.RTN_BLACKHOLE, "192.0.3.2/32": unix.RTN_BLACKHOLE,
		"2001:db8:bad::3/128": unix.RTN_PROHIBIT, "192.0.3.3/32": unix.RTN_PROHIBIT,
		"2001:db8:bad::4/128": unix.RTN_THROW, "192.0.3.4/32": unix.RTN_THROW,
	} {
		c.add(testRoute{dst, kind, unix.RT_TABLE_MAIN, 0})
	}
	c.add(testRoute{"::/0", unix.RTN_UNICAST, unix.RT_TABLE_MAIN, eth})

	table := openTable(t, udpSocket(t))
	for _, a := range []string{"2001:db8:1::1", "2001:db8:1::", "fe80::5", "2001:db8:2::1"} {
		await(t, table, addr(a), eth)
	}
	both := func(a string, index uint32, want bool) {
		for _, received := range []bool{false, true} {
			forget(table)
			for range 2 {
				requireKnown(t, table, addr(a), index, received, want)
			}
		}
	}
	for want, addrs := range map[bool][]string{
		true: {
			"::1", "127.0.0.1", "127.9.9.9", // loopback
			"198.51.100.1", "2001:db8:1::1", // interface
			"2001:db8:1::",             // subnet-router anycast
			"2001:db8:2::1",            // deprecated
			"192.0.2.7", "2001:db8::7", // local route
			"203.0.113.1", "203.0.113.127", "2001:db8:96::1:2", "2001:db8:96::ffff:ffff", // local range
		},
		false: {
			"198.51.100.2", "2001:db8:1::2", // neighbour
			"127.255.255.255", "198.51.100.255", "255.255.255.255", // broadcast
			"2001:db8:3::1",            // tentative
			"192.0.2.6", "2001:db8::6", // beside a local route
			"203.0.113.128", "2001:db8:96::1:0:0", // beyond a local range
			"2001:db8:bad::1", "2001:db8:bad::2", "2001:db8:bad::3", "2001:db8:bad::4",
			"192.0.3.1", "192.0.3.2", "192.0.3.3", "192.0.3.4",
			"2001:db8:ffff::1",     // by the default route
			"192.0.9.1",            // no route
			"ff0e::1", "224.0.0.1", // multicast
			"::", "0.0.0.0", // unspecified
		},
	} {
		for _, a := range addrs {
			for _, index := range []uint32{0, eth, peer, gone} {
				both(a, index, want)
			}
		}
	}
	// A link-local address is that of one link.
	for index, local := range map[uint32]bool{0: true, eth: true, peer: false, lo: false, gone: false} {
		both("fe80::5", index, local)
	}
	for a, want := range map[string]bool{
		"198.51.100.255": true, "127.255.255.255": true,
		"198.51.100.1": false, "198.51.100.2": false, "203.0.113.127": false, "224.0.0.1": false, "2001:db8:1::1": false,
	} {
		for range 2 {
			require.Equal(t, want, table.Broadcast(addr(a)), a)
		}
	}
}

func requireKnown(t *testing.T, table *Table, a netip.Addr, index uint32, received, want bool) {
	t.Helper()
	if received {
		requireReceived(t, table, a, index, want)
		return
	}
	got, err := table.Local(a, index)
	require.NoError(t, err)
	require.Equal(t, want, got, "Local(%v, %d)", a, index)
}

// Many destinations of a range, with a route in the table main inside it, which
// is no hole: the local table comes first.
func TestPromise4_RangeCostsOneEntry(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	c.add(localRoute("2001:db8:96::/96"))
	c.add(testRoute{"2001:db8:96::5/128", unix.RTN_UNREACHABLE, unix.RT_TABLE_MAIN, 0})
	table := openTable(t, udpSocket(t))
	asks := countAsks(table)
	a := addr("2001:db8:96::")
	for i := range 200_000 {
		received, err := table.Received(a, lo, remote)
		local, err2 := table.Local(a, 0)
		if !received || !local || err != nil || err2 != nil {
			t.Fatal(a, received, local, err, err2)
		}
		if a = a.Next(); i == 100_000 {
			table.Tick()
		}
	}
	require.EqualValues(t, 1, asks.Load())
	size, _ := table.state()
	require.Equal(t, 1, size)
}

// What is not local inside a range is not taken for local once it was asked for,
// whatever neighbours are received.
func TestPromise5_Hole(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	c.add(localRoute("2001:db8:96::/96"))
	c.add(localRoute("192.0.2.0/24"))
	c.add(testRoute{"2001:db8:96::5/128", unix.RTN_UNREACHABLE, unix.RT_TABLE_LOCAL, 0})
	c.add(testRoute{"192.0.2.5/32", unix.RTN_UNREACHABLE, unix.RT_TABLE_LOCAL, 0})
	c.add(testRoute{"192.0.2.6/32", unix.RTN_UNICAST, unix.RT_TABLE_MAIN, lo})
	table := openTable(t, udpSocket(t))
	for _, hole := range []string{"2001:db8:96::5", "192.0.2.5", "192.0.2.6"} {
		a := addr(hole)
		requireLocal(t, table, a, false)
		requireReceived(t, table, a, lo, false)
		requireReceived(t, table, addr("2001:db8:96::4"), lo, true)
		requireReceived(t, table, addr("192.0.2.4"), lo, true)
		requireLocal(t, table, a, false)
		requireReceived(t, table, a, lo, false)
		forget(table)
	}
}

// A local default route in a table that only a rule leads to makes local what
// the rule says, and nothing else.
func TestPromise5_TableOfARule(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	const number = 511 // whose last byte is that of the table local
	for all, to := range map[string]string{"::/0": "2001:db8:3::/64", "0.0.0.0/0": "203.0.113.0/24"} {
		c.add(testRoute{all, unix.RTN_LOCAL, number, lo})
		c.addRule(number, to, "", "")
	}
	table := openTable(t, udpSocket(t))
	for range 2 {
		requireReceived(t, table, addr("2001:db8:3::1"), lo, true)
		requireLocal(t, table, addr("2001:db8:3::1"), true)
		requireLocal(t, table, addr("2001:db8:4::1"), false)
		// K1.9: IPv4 receives by such a route, and will not send from it.
		requireLocal(t, table, addr("203.0.113.1"), false)
		requireReceived(t, table, addr("203.0.113.2"), lo, true)
		requireLocal(t, table, addr("203.0.113.3"), false)
	}
}

// A VIP that is local only by a rule for an interface and a source is so for what
// arrived on it and from there, and as long as that is remembered.
func TestPromise5_RuleByInterface(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	c.veth()
	for _, conf := range []string{"all", "test0", "test1"} {
		sysctl(t, "ipv4/conf/"+conf+"/rp_filter", "0")
	}
	for all, from := range map[string]string{"::/0": "2001:db8:c::/64", "0.0.0.0/0": "198.18.0.0/24"} {
		c.add(testRoute{all, unix.RTN_LOCAL, 200, lo})
		c.addRule(200, "", from, "test0")
	}
	c.addAddr("198.51.100.1/24", 0) // IPv4 receives nothing on an interface without

	table := openTable(t, udpSocket(t))
	for _, a := range []netip.Addr{vip, vip4} {
		for range 2 {
			requireLocal(t, table, a, false)
			requireReceived(t, table, a, peer, false)
			local, err := table.Received(a.Next(), eth, addr("2001:db8:d::1"))
			require.NoError(t, err)
			require.False(t, local, "from another remote")
			requireReceived(t, table, a, eth, true) // whatever was answered before
			requireLocal(t, table, a, true)
			requireReceived(t, table, a, peer, true) // it is this host's, after all
			requireLocal(t, table, a.Next(), false)
			local, err = table.Ask(a, 0)
			require.NoError(t, err)
			require.False(t, local, "Ask goes past memory")
			table.Tick()
			requireLocal(t, table, a, true)
			forget(table)
		}
	}
}

// A rule that leads to the local table for one interface: its prefixes are
// remembered, and what was refused before is received all the same.
func TestPromise5_LocalTableByInterface(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	c.veth()
	c.add(localRoute("2001:db8:96::/96"))
	c.addRule(unix.RT_TABLE_LOCAL, "", "2001:db8:c::/64", "test0")
	every := []byte{unix.AF_INET6, 0, 0, 0, unix.RT_TABLE_LOCAL, 0, 0, 1, 0, 0, 0, 0}
	c.do(unix.RTM_DELRULE, 0, append(every, attr(6 /* FRA_PRIORITY */, number(0))...))
	table := openTable(t, udpSocket(t))
	a, b, late := addr("2001:db8:96::1"), addr("2001:db8:96::2"), addr("2001:db8:96::3")
	for _, unknown := range []netip.Addr{a, b, late} {
		requireLocal(t, table, unknown, false)
	}
	requireReceived(t, table, a, eth, true)
	requireReceived(t, table, b, eth, true)
	requireLocal(t, table, a, true)
	requireLocal(t, table, b, true)
	requireLocal(t, table, late, false) // this was asked for and answered
	requireReceived(t, table, addr("2001:db8:96::4"), peer, true)
}

// Receipt alone does not show that an address is local: a datagram may have been
// queued before the withdrawal. And that routes change costs nothing.
func TestPromise5_WithdrawnWhileQueued(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	c := newConfig(t)
	table := openTable(t, udpSocket(t))
	asks := countAsks(table)
	for route, a := range map[string]netip.Addr{
		"2001:db8::7/128": vip, "2001:db8:96::/96": addr("2001:db8:96::7"), "192.0.2.7/32": vip4, "192.0.3.0/24": addr("192.0.3.7"),
	} {
		r := localRoute(route)
		c.add(r)
		requireReceived(t, table, a, lo, true)
		asked := asks.Load()
		for range 100 {
			churn := localRoute("2001:db8:c0::/64")
			c.add(churn)
			requireReceived(t, table, a, lo, true)
			c.del(churn)
		}
		require.Equal(t, asked, asks.Load())
		c.del(r)
		table.Tick()
		requireLocal(t, table, a, true)
		forget(table)
		requireReceived(t, table, a, lo, false)
		requireLocal(t, table, a, false)
	}
}

// Answers to requests that were given up are not taken for later ones, and when
// so many were left that the socket is full, the question is asked again.
func TestLeftovers(t *testing.T) {
	table := openTable(t, udpSocket(t))
	s := table.kernel.(*netlink)
	leave := func(a netip.Addr) error {
		s.seq++
		_, err := unix.Write(s.fd, appendRequest(nil, s.seq, question{addr: a}))
		return err
	}
	yes, no := addr("127.1.2.3"), addr("192.0.2.254")
	for _, leftovers := range []int{1, 3000} {
		for range leftovers {
			if err := leave(yes); err != nil {
				require.ErrorIs(t, err, unix.ENOBUFS)
			}
		}
		for a, want := range map[netip.Addr]bool{yes: true, no: false} {
			local, err := table.Ask(a, 0)
			require.NoError(t, err)
			require.Equal(t, want, local)
			require.NoError(t, leave(yes))
		}
	}
}

// reply makes an answer to question 7.
func reply(kind uint16, body ...byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, 0)
	b = binary.NativeEndian.AppendUint32(b, 7)
	return append(append(b, 0, 0, 0, 0), body...)
}

func refused(errno unix.Errno) []byte {
	return reply(unix.NLMSG_ERROR, number(uint32(-int32(errno)))...)
}

// What is no answer is an error. The answers themselves are the kernel's above,
// and these.
func TestParseReply(t *testing.T) {
	q := question{addr: vip, ifindex: eth, received: true}
	good := reply(unix.RTM_NEWROUTE, localRoute("2001:db8::/64").body()...)
	a, err := parseReply(good, q)
	require.NoError(t, err)
	require.Equal(t, answer{local: true, bits: 64}, a)
	for _, errno := range []unix.Errno{unix.EXDEV, unix.ENODEV} {
		a, err = parseReply(refused(errno), q)
		require.NoError(t, err)
		require.Equal(t, answer{bits: 128}, a)
	}
	for name, b := range map[string][]byte{
		"empty":         nil,
		"header":        good[:headerLen],
		"cut off":       good[:headerLen+rtmsgLen-1],
		"too many bits": reply(unix.RTM_NEWROUTE, unix.AF_INET6, 129, 0, 0, 255, 0, 0, unix.RTN_LOCAL, 0, 0, 0, 0),
		"another kind":  reply(unix.NLMSG_DONE, number(0)...),
		"short error":   reply(unix.NLMSG_ERROR, 1, 2),
		"strange error": refused(unix.ENOMEM),
		"no error":      refused(0),
	} {
		a, err := parseReply(b, q)
		require.Error(t, err, name)
		require.False(t, a.local, name)
	}
}

func FuzzReply(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, a := range []netip.Addr{vip, vip4} {
			for _, received := range []bool{false, true} {
				got, err := parseReply(b, question{addr: a, ifindex: lo, received: received})
				require.LessOrEqual(t, got.bits, uint32(128))
				require.False(t, got.local && err != nil)
				if !got.local && err == nil || !received || a.Is4() && err == nil {
					require.Contains(t, []uint32{0, 128}, got.bits)
				}
				require.False(t, got.local && got.broadcast)
			}
		}
	})
}
