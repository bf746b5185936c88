package source_test

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// TestPromise1_ByPath: the source is the Path's, in the kernel's terms, or there is an error
// for what can never leave so.
func TestPromise1_ByPath(t *testing.T) {
	name, lo := loopback(t)
	const to4, to6 = "127.0.0.1:9", "[::1]:9"
	wildcard := map[string]source.Config{"udp4": config(t, "udp4", ":0"), "udp": config(t, "udp", ":0")}
	guarded := wildcard["udp"]
	guarded.Guard4, guarded.Guard6 = true, true
	bound4, bound6 := config(t, "udp4", "127.0.0.1:0"), config(t, "udp6", "[::1]:0")
	connected := bound4
	connected.Connected, connected.Peer = true, netip.MustParseAddrPort(to4)
	for _, tc := range []struct {
		config        source.Config
		local, remote string
		want          source.Local
		why           string
		err           error
	}{
		{wildcard["udp4"], "127.0.0.2", to4, source.Local{Addr: vip}, "", nil},
		{wildcard["udp"], "127.0.0.2", to4, source.Local{Addr: vip}, "", nil},
		{wildcard["udp"], "::ffff:127.0.0.2", "[::ffff:127.0.0.1]:9", source.Local{Addr: vip}, "", nil},
		{wildcard["udp"], "::1", to6, source.Local{Addr: one6}, "", nil},
		{wildcard["udp"], "2001:db8::77%" + name, to6, source.Local{Addr: foreign6}, "", nil},
		{wildcard["udp"], "", to4, source.Local{}, "", source.ErrNoPath},
		{wildcard["udp4"], "0.0.0.0", to4, source.Local{}, "", source.ErrNoPath},
		{wildcard["udp"], "::", to6, source.Local{}, "", source.ErrNoPath},
		{wildcard["udp"], "::%nowhere", to6, source.Local{}, "zone", nil},
		{wildcard["udp"], "127.0.0.2", to6, source.Local{}, "different families", nil},
		{wildcard["udp"], "::1", to4, source.Local{}, "different families", nil},

		// A link-local address, and "::" for an interface's own, need the interface.
		{wildcard["udp"], "::%" + name, "[fe80::9%" + name + "]:9", source.Local{Addr: netip.IPv6Unspecified(), Ifindex: lo}, "", nil},
		{wildcard["udp"], "fe80::1%" + name, to6, source.Local{Addr: netip.MustParseAddr("fe80::1"), Ifindex: lo}, "", nil},
		{wildcard["udp"], "fe80::1", "[fe80::9%" + name + "]:9", source.Local{Addr: netip.MustParseAddr("fe80::1"), Ifindex: lo}, "", nil},
		{wildcard["udp"], "fe80::1", to6, source.Local{}, "zone", nil},
		{wildcard["udp"], "fe80::1%nowhere", to6, source.Local{}, "zone", nil},

		// A group the kernel refuses as a source by itself, unless it validates none.
		{wildcard["udp4"], "224.0.0.1", to4, source.Local{Addr: netip.MustParseAddr("224.0.0.1")}, "", nil},
		{guarded, "224.0.0.1", to4, source.Local{}, "group", nil},
		{guarded, "255.255.255.255", to4, source.Local{}, "group", nil},
		{guarded, "ff02::1", to6, source.Local{}, "group", nil},

		// A bound socket can send from another address, but not from any.
		{bound4, "127.0.0.2", to4, source.Local{Addr: vip}, "", nil},
		{bound6, "::%" + name, to6, source.Local{}, "bound to one address", nil},
		{bound6, "::1", to4, source.Local{Addr: one6}, "", nil}, // the kernel refuses it
		{connected, "127.0.0.2", "[::ffff:127.0.0.1]:9", source.Local{Addr: vip}, "", nil},
		{connected, "127.0.0.2", "127.0.0.1:8", source.Local{}, "", net.ErrWriteToConnected},
	} {
		t.Run(tc.local+" to "+tc.remote, func(t *testing.T) {
			s := source.New(tc.config)
			var local netip.Addr
			if tc.local != "" {
				local = netip.MustParseAddr(tc.local)
			}
			remote := netip.MustParseAddrPort(tc.remote)
			for _, port := range []uint16{0, s.Port()} {
				h := source.Header{ECN: 2}
				err := s.ByPath(netip.AddrPortFrom(local, port), remote, &h)
				requireWhy(t, err, tc.why, tc.err)
				if err == nil {
					require.Equal(t, tc.want, h.Local)
					require.Equal(t, netip.AddrPortFrom(remote.Addr().Unmap().WithZone(""), 9), h.Remote.AddrPort)
					require.EqualValues(t, 2, h.ECN)
				}
			}
			if tc.why == "" && tc.err == nil {
				requireWhy(t, s.ByPath(netip.AddrPortFrom(local, s.Port()+1), remote, new(source.Header)), "port", nil)
			}
			require.Zero(t, s.Counts.UnknownPath.Load())
		})
	}
}

// TestPromise1_Carried: what an address carries is the source on every wildcard socket of
// its port, whichever socket it is from, and on no other, where it is a bare address. It
// wins over the path memory.
func TestPromise1_Carried(t *testing.T) {
	remote := netip.MustParseAddrPort("127.0.0.1:9")
	for _, network := range []string{"udp4", "udp"} {
		c := config(t, network, ":0")
		s := source.New(c)
		s.Memory.Note(remote, 0, other, 0)
		bound := config(t, "udp4", "127.0.0.1:0")
		bound.Bound.Port = c.Bound.Port
		from, arrived := &mmsg.Addr{AddrPort: remote}, source.Arrival{Local: source.Local{Addr: vip}}
		port := s.Port()
		elsewhere := c
		elsewhere.Bound = &net.UDPAddr{Port: int(port) + 1}
		for _, tc := range []struct {
			name string
			by   *source.Selector
			addr *net.UDPAddr
			want netip.Addr
			err  error
		}{
			{"carried", s, s.UDPAddr(from, &arrived), vip, nil},
			{"by another wildcard socket", source.New(c), s.UDPAddr(from, &arrived), vip, nil},
			{"by a bound socket", source.New(bound), s.UDPAddr(from, &arrived), one, nil},
			{"by another port's", source.New(elsewhere), s.UDPAddr(from, &arrived), other, nil},
			{"bare", s, net.UDPAddrFromAddrPort(remote), other, nil},
			{"lost", s, s.UDPAddr(from, &source.Arrival{}), netip.Addr{}, source.ErrNoPath},
			{"another port's lost", source.New(elsewhere), s.UDPAddr(from, &source.Arrival{}), other, nil},
		} {
			t.Run(network+" "+tc.name, func(t *testing.T) {
				var h source.Header
				require.ErrorIs(t, tc.by.ByUDPAddr(tc.addr, &h), tc.err)
				require.Equal(t, tc.want, h.Local.Addr)
				require.Equal(t, *from, h.Remote)
			})
		}
	}
}

// TestPromise1_Memory: a bare address is answered from where it last wrote to. A guess is
// counted, and refused with Strict; what was lost is not guessed.
func TestPromise1_Memory(t *testing.T) {
	remote := netip.MustParseAddrPort("127.0.0.1:9")
	for _, tc := range []struct {
		name               string
		noted              []netip.Addr
		state              pathmem.State
		want               netip.Addr
		unknown, ambiguous uint64
		err, strict        error
	}{
		{"unknown", nil, pathmem.Unknown, netip.Addr{}, 1, 0, nil, source.ErrNoPath},
		{"known", []netip.Addr{vip, vip}, pathmem.Known, vip, 0, 0, nil, nil},
		{"ambiguous", []netip.Addr{vip, other}, pathmem.Ambiguous, other, 0, 1, nil, source.ErrNoPath},
		{"lost", []netip.Addr{vip, {}}, pathmem.Lost, netip.Addr{}, 0, 0, source.ErrNoPath, source.ErrNoPath},
	} {
		for _, strict := range []bool{false, true} {
			c := config(t, "udp", ":0")
			c.Strict = strict
			s := source.New(c)
			for _, local := range tc.noted {
				s.Memory.Note(remote, 0, local, 0)
			}
			want := tc.err
			if strict {
				want = tc.strict
			}
			var h source.Header
			require.ErrorIs(t, s.ByAddrPort(netip.MustParseAddrPort("[::ffff:127.0.0.1]:9"), &h), want, tc.name)
			require.Equal(t, tc.want, h.Local.Addr, tc.name)
			require.ErrorIs(t, s.ByUDPAddr(net.UDPAddrFromAddrPort(remote), new(source.Header)), want, tc.name)
			require.Equal(t, 2*tc.unknown, s.Counts.UnknownPath.Load(), tc.name)
			require.Equal(t, 2*tc.ambiguous, s.Counts.AmbiguousPath.Load(), tc.name)
			local, state := s.Find(remote)
			require.Equal(t, tc.want, local.Addr, tc.name)
			require.Equal(t, tc.state, state, tc.name)
		}
	}
	c := config(t, "udp", ":0")
	c.Memory = nil
	s := source.New(c)
	require.NoError(t, s.ByAddrPort(remote, new(source.Header)))
	require.EqualValues(t, 1, s.Counts.UnknownPath.Load(), "it is off")
}

func addrOf(a netip.Addr, ifindex uint32) mmsg.Addr {
	return mmsg.Addr{AddrPort: netip.AddrPortFrom(a, 9), Ifindex: ifindex}
}

// TestPromise6_Remote: a remote address means what it means to net, and the error for one
// that net refuses is net's.
func TestPromise6_Remote(t *testing.T) {
	name, lo := loopback(t)
	linkLocal := netip.MustParseAddr("fe80::9")
	for _, tc := range []struct {
		network string
		addr    *net.UDPAddr
		want    mmsg.Addr // zero where net returns an error
	}{
		{"udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}, addrOf(one, 0)},
		{"udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9, Zone: name}, addrOf(one, 0)},
		{"udp", &net.UDPAddr{IP: net.IPv6loopback, Port: 9}, addrOf(one6, 0)},
		{"udp6", &net.UDPAddr{IP: linkLocal.AsSlice(), Port: 9, Zone: name}, addrOf(linkLocal, lo)},
		{"udp4", &net.UDPAddr{Port: 9}, addrOf(netip.IPv4Unspecified(), 0)},
		{"udp", &net.UDPAddr{Port: 9}, addrOf(netip.IPv6Unspecified(), 0)},
		{"udp", &net.UDPAddr{IP: net.IPv4zero, Port: 9}, addrOf(netip.IPv6Unspecified(), 0)},
		{"udp", nil, mmsg.Addr{}},
		{"udp4", &net.UDPAddr{IP: net.IPv6loopback, Port: 9}, mmsg.Addr{}},
		{"udp", &net.UDPAddr{IP: make([]byte, 5), Port: 9}, mmsg.Addr{}},
	} {
		s := selector(t, tc.network, ":0")
		nets, err := net.ListenUDP(tc.network, nil)
		require.NoError(t, err)
		defer nets.Close()
		var h, h2 source.Header
		err, err2 := s.ByUDPAddr(tc.addr, &h), s.ByAddrPort(tc.addr.AddrPort(), &h2)
		require.Equal(t, tc.want, h.Remote)
		if tc.want == (mmsg.Addr{}) {
			_, want := nets.WriteToUDP(nil, tc.addr)
			require.Equal(t, errors.Unwrap(want), err)
			_, want = nets.WriteToUDPAddrPort(nil, tc.addr.AddrPort())
			require.Equal(t, errors.Unwrap(want), err2)
			continue
		}
		require.NoError(t, err)
		if tc.addr.AddrPort().IsValid() && !tc.addr.IP.IsUnspecified() {
			require.NoError(t, err2)
			require.Equal(t, tc.want, h2.Remote)
		}
	}
	s := selector(t, "udp", ":0")
	require.Equal(t, syscall.EINVAL, s.ByUDPAddr(&net.UDPAddr{IP: net.IPv6loopback, Port: 1 << 16}, new(source.Header)))
}
