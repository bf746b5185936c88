package source_test

import (
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

var (
	vip, other = netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")
	one, one6  = netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()
	foreign6   = netip.MustParseAddr("2001:db8::77")
)

// config returns what dsrudp would say of a new socket that is bound to address.
func config(t *testing.T, network, address string) source.Config {
	t.Helper()
	pc, err := net.ListenPacket(network, address)
	require.NoError(t, err)
	sock, err := mmsg.NewSocket(pc.(*net.UDPConn), network != "udp4", false, false)
	require.NoError(t, err)
	t.Cleanup(func() { sock.Close() })
	c := source.Config{Socket: sock, Bound: pc.LocalAddr().(*net.UDPAddr), Memory: pathmem.New(100)}
	require.NoError(t, sock.Control(func(fd uintptr) (err error) {
		if c.Family, err = pktinfo.FamilyOf(fd); err == nil {
			c.Guard, _ = localroute.Open(fd) // there is none where netlink is not to be had
		}
		return err
	}))
	if c.Guard != nil {
		t.Cleanup(func() { c.Guard.Close() })
		c.Guard6 = c.Family != pktinfo.IPv4
	}
	return c
}

// selector returns a Selector of a new socket.
func selector(t *testing.T, network, address string) *source.Selector {
	t.Helper()
	return source.New(config(t, network, address))
}

// needNetlink skips the test where netlink is denied. Package net asks over it, too.
func needNetlink(t *testing.T) {
	t.Helper()
	if _, err := net.Interfaces(); err != nil {
		t.Skipf("netlink is denied: %v", err)
	}
}

// loopback returns the loopback interface.
func loopback(t *testing.T) (name string, ifindex uint32) {
	t.Helper()
	if runtime.GOOS == "linux" {
		return "lo", 1 // in every namespace, and without netlink
	}
	all, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Name, uint32(i.Index)
		}
	}
	t.Fatal("there is no loopback interface")
	return "", 0
}

// requireWhy requires ErrNotLocal for that reason, or an error that matches want, or
// none where both are zero.
func requireWhy(t *testing.T, err error, why string, want error) {
	t.Helper()
	if why != "" {
		require.ErrorIs(t, err, source.ErrNotLocal)
		require.ErrorContains(t, err, why)
		return
	}
	require.ErrorIs(t, err, want)
}

// TestBound: a socket is bound to a unicast address or, as far as answers go, to none: one
// that is bound to a group receives for it and sends from others.
func TestBound(t *testing.T) {
	name, lo := loopback(t)
	for _, tc := range []struct {
		network, bound, zone string
		want                 source.Local
	}{
		{"udp4", "0.0.0.0", "", source.Local{}},
		{"udp", "::", "", source.Local{}},
		{"udp4", "224.0.0.251", "", source.Local{}},
		{"udp4", "255.255.255.255", "", source.Local{}},
		{"udp4", "127.255.255.255", "", source.Local{}},
		{"udp6", "ff02::1", name, source.Local{}},
		{"udp4", "127.0.0.2", "", source.Local{Addr: vip}},
		{"udp", "::ffff:127.0.0.2", "", source.Local{Addr: vip}},
		{"udp6", "::1", "", source.Local{Addr: one6}},
		{"udp6", "fe80::1", name, source.Local{Addr: netip.MustParseAddr("fe80::1"), Ifindex: lo}},
	} {
		t.Run(tc.network+" "+tc.bound, func(t *testing.T) {
			c := config(t, tc.network, ":0")
			if tc.bound == "127.255.255.255" && c.Guard == nil {
				needNetlink(t)
				t.Skip("only the kernel knows subnets' broadcast addresses, and cannot be asked")
			}
			c.Bound = &net.UDPAddr{IP: net.ParseIP(tc.bound), Zone: tc.zone, Port: c.Bound.Port}
			s := source.New(c)
			wildcard := !tc.want.Addr.IsValid()
			require.Equal(t, wildcard, s.Wildcard())
			require.Equal(t, wildcard, s.NeedsControl())
			require.Equal(t, wildcard, s.Memory != nil)
			require.EqualValues(t, c.Bound.Port, s.Port())
			local, state := s.Find(netip.MustParseAddrPort("127.0.0.1:9"))
			require.Equal(t, tc.want, local)
			require.Equal(t, !wildcard, state == pathmem.Known)

			c.Adopted = true // what was queued before may be for another address
			require.True(t, source.New(c).NeedsControl())
		})
	}
}

// TestByPeer: on a socket with a peer the answer is from its own address to the peer.
func TestByPeer(t *testing.T) {
	c := config(t, "udp4", "127.0.0.1:0")
	require.False(t, source.New(c).HasPeer())
	c.Connected, c.Peer = true, netip.MustParseAddrPort("[::ffff:127.0.0.2]:9")
	s := source.New(c)
	require.True(t, s.HasPeer())
	var h source.Header
	require.NoError(t, s.ByPeer(&h))
	require.Equal(t, source.Header{Local: source.Local{Addr: one}, Remote: mmsg.Addr{AddrPort: netip.AddrPortFrom(vip, 9)}}, h)
}

// TestPromise12_IsLocal: where the kernel cannot be asked for routes, binding shows which
// addresses are the host's, and however many are asked for few are kept.
func TestPromise12_IsLocal(t *testing.T) {
	c := config(t, "udp", ":0")
	c.Guard = nil
	s := source.New(c)
	_, lo := loopback(t)
	for _, tc := range []struct {
		addr string
		want bool
	}{
		{"127.0.0.2", true},
		{"::1", true},
		{"::", true},
		{"198.51.100.77", false},
		{"2001:db8::77", false},
		{"224.0.0.1", false},
		{"ff02::1", false},
		{"fe80::77", false}, // on that interface
	} {
		for range 2 {
			require.Equal(t, tc.want, s.IsLocal(netip.MustParseAddr(tc.addr), lo), tc.addr)
		}
	}
	a := foreign6
	for range source.MaxKept + 2 {
		a = a.Next()
		require.False(t, s.IsLocal(a, 0))
		probes, _ := s.Kept()
		require.LessOrEqual(t, probes, source.MaxKept)
	}
}
