package dsrudp

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A route is a path in the terms of a batchSender.
type route struct {
	s source
	t target
}

// newSender returns a Conn on the wildcard with a batchSender of it.
func newSender(t *testing.T, network string) (*Conn, *batchSender) {
	t.Helper()
	c, err := ListenPacket(network, ":0")
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c, c.newBatchSender().(*batchSender)
}

// peerOf dials c at an address of its host, and returns the way there.
func peerOf(t *testing.T, c *Conn, vip netip.Addr) (*net.UDPConn, route) {
	t.Helper()
	x, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: vip.AsSlice(), Port: int(c.port)})
	require.NoError(t, err)
	t.Cleanup(func() { x.Close() })
	require.NoError(t, x.SetDeadline(time.Now().Add(5*time.Second)))
	return x, route{source{addr: vip}, target{addr: unmap(x.LocalAddr().(*net.UDPAddr).AddrPort())}}
}

// take has q take single characters for a route.
func take(t *testing.T, q *batchSender, r route, payloads string) {
	t.Helper()
	for i := range payloads {
		require.NoError(t, q.add(0, []byte(payloads[i:i+1]), &r.s, &r.t, NotECT))
	}
}

// requireRead requires that x gets these characters, in order.
func requireRead(t *testing.T, x *net.UDPConn, want string) {
	t.Helper()
	got, b := "", make([]byte, 16)
	for range want {
		n, err := x.Read(b)
		require.NoError(t, err)
		got += string(b[:n])
	}
	require.Equal(t, want, got)
}

// TestMergingLeftToKernel: what is left to the kernel, or may be the same as what
// was written otherwise, changes places with nothing.
func TestMergingLeftToKernel(t *testing.T) {
	const loopback = 1 // the interface, in every namespace
	one := netip.MustParseAddr("127.0.0.1")
	for _, tc := range []struct {
		network string
		local   netip.Addr
		other   func(r *route)
	}{
		{"udp4", one, func(r *route) { r.s = source{} }},
		{"udp", one, func(r *route) { r.s = source{} }},
		{"udp", netip.IPv6Loopback(), func(r *route) { r.s = source{} }},
		{"udp4", one, func(r *route) { r.s = source{netip.IPv4Unspecified(), loopback, true} }},
		{"udp", netip.IPv6Loopback(), func(r *route) { r.s = source{netip.IPv6Unspecified(), loopback, true} }},
		{"udp4", one, func(r *route) { r.t.addr = netip.AddrPortFrom(netip.IPv4Unspecified(), r.t.addr.Port()) }},
		{"udp", one, func(r *route) { r.t.addr = netip.AddrPortFrom(netip.MustParseAddr("::ffff:0.0.0.0"), r.t.addr.Port()) }},
		{"udp", netip.IPv6Loopback(), func(r *route) { r.t.addr = netip.AddrPortFrom(netip.IPv6Unspecified(), r.t.addr.Port()) }},
		{"udp", one, func(r *route) { r.t.addr = netip.AddrPortFrom(netip.AddrFrom16(one.As16()), r.t.addr.Port()) }},
	} {
		c, q := newSender(t, tc.network)
		x, same := peerOf(t, c, tc.local)
		other := same
		tc.other(&other)
		take(t, q, same, "12")
		take(t, q, other, "34")
		take(t, q, same, "56")
		take(t, q, other, "7")
		q.flush()
		require.Empty(t, q.failed)
		requireRead(t, x, "1234567")
		take(t, q, same, "12")
		require.Equal(t, 1, q.batch.Len(), "that was another time")
		q.flush()
		take(t, q, other, "12")
		require.Equal(t, 1, q.batch.Len(), "one after the other they are merged")
		q.flush()
		q.prefix = true
		take(t, q, same, "12")
		require.Equal(t, 1, q.batch.Len(), "also where nothing changes places")
	}
}

// TestMergingSlots: paths of one slot keep their order too.
func TestMergingSlots(t *testing.T) {
	c, q := newSender(t, "udp4")
	x, one := peerOf(t, c, netip.MustParseAddr("127.0.0.2"))
	for range 10_000 {
		y, two := peerOf(t, c, netip.MustParseAddr("127.0.0.3"))
		if q.slot(&one.s, &one.t) != q.slot(&two.s, &two.t) {
			y.Close()
			continue
		}
		for range 2 { // the second time there is something left from the first
			take(t, q, one, "12")
			take(t, q, two, "ab")
			take(t, q, one, "34")
			take(t, q, two, "cd")
			require.Equal(t, 4, q.batch.Len())
			q.flush()
			require.Empty(t, q.failed)
			requireRead(t, x, "1234")
			requireRead(t, y, "abcd")
		}
		return
	}
	t.Fatal("no two paths have one slot")
}

// TestMergingHalfSent: nothing joins a message that has been sent.
func TestMergingHalfSent(t *testing.T) {
	c, q := newSender(t, "udp4")
	x, one := peerOf(t, c, netip.MustParseAddr("127.0.0.2"))
	y, two := peerOf(t, c, netip.MustParseAddr("127.0.0.3"))
	take(t, q, one, "12")
	take(t, q, two, "ab")
	n, err := q.batch.SendRange(0, 1, 0)
	require.NoError(t, err)
	q.next = n // as push does when there is no room for more
	take(t, q, one, "3")
	take(t, q, two, "c")
	q.flush()
	require.Empty(t, q.failed)
	requireRead(t, x, "123")
	requireRead(t, y, "abc")
}

// TestMergingOff: with NoOffload the order of all is kept.
func TestMergingOff(t *testing.T) {
	c, err := (&ListenConfig{NoOffload: true}).ListenPacket(t.Context(), "udp4", ":0")
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	q := c.newBatchSender().(*batchSender)
	_, one := peerOf(t, c, netip.MustParseAddr("127.0.0.2"))
	_, two := peerOf(t, c, netip.MustParseAddr("127.0.0.3"))
	take(t, q, one, "1")
	take(t, q, two, "a")
	take(t, q, one, "2")
	require.Equal(t, 3, q.batch.Len())
	for i, want := range []string{"1", "a", "2"} {
		require.Equal(t, want, string(q.batch.Payload(i, nil)))
	}
}
