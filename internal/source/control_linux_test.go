package source_test

import (
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// control4 returns an IP_PKTINFO message as the kernel delivers it.
func control4(specDst, dst netip.Addr, ifindex uint32) []byte {
	oob := pktinfo.AppendSource(nil, true, one, ifindex)
	copy(oob[unix.CmsgLen(4):], specDst.AsSlice())
	copy(oob[unix.CmsgLen(8):], dst.AsSlice())
	return oob
}

// control6 returns an IPV6_PKTINFO message as the kernel delivers it.
func control6(dst netip.Addr, ifindex uint32) []byte {
	oob := pktinfo.AppendSource(nil, false, one6, ifindex)
	dst16 := dst.As16()
	copy(oob[unix.CmsgLen(0):], dst16[:])
	return oob
}

// TestByControl: the caller's control messages win over what the address carries. Of an
// interface beside a source only what the scope needs is left, and one alone is obeyed.
func TestByControl(t *testing.T) {
	_, lo := loopback(t)
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}
	to6 := &net.UDPAddr{IP: net.IPv6loopback, Port: 9}
	group := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 9}
	linkLocal := netip.MustParseAddr("fe80::1")
	none := netip.IPv4Unspecified()
	class := pktinfo.AppendClass(nil, true, 0xb8)
	bound, strict := config(t, "udp4", "127.0.0.1:0"), config(t, "udp", ":0")
	strict.Strict = true
	needGuard(t, strict)
	for _, tc := range []struct {
		name    string
		s       *source.Selector
		oob     []byte
		to      *net.UDPAddr
		want    source.Local
		why     string
		err     error
		unknown uint64
	}{
		{"none", selector(t, "udp", ":0"), nil, to, source.Local{Addr: vip}, "", nil, 0},
		{"others", selector(t, "udp", ":0"), class, to, source.Local{Addr: vip}, "", nil, 0},
		{"an empty one", selector(t, "udp", ":0"), control4(none, none, 0), to, source.Local{Addr: vip}, "", nil, 0},
		{"source", selector(t, "udp", ":0"), control4(other, none, 0), to, source.Local{Addr: other}, "", nil, 0},
		{"source of a bound socket", source.New(bound), control4(other, none, 0), to, source.Local{Addr: other}, "", nil, 0},
		{"source and interface", selector(t, "udp4", ":0"), control4(other, none, lo), to, source.Local{Addr: other}, "", nil, 0},
		{"IPv6 source and interface", selector(t, "udp", ":0"), control6(one6, lo), to6, source.Local{Addr: one6}, "", nil, 0},
		{"mapped source", selector(t, "udp", ":0"), control6(netip.AddrFrom16(other.As16()), lo), to, source.Local{Addr: other}, "", nil, 0},
		{"to a group", selector(t, "udp4", ":0"), control4(other, none, lo), group, source.Local{Addr: other, Out: lo}, "", nil, 0},
		{"received at a group", selector(t, "udp4", ":0"), control4(foreign, netip.MustParseAddr("224.0.0.251"), lo), to, source.Local{Addr: one}, "", nil, 0},
		{"received at a broadcast address", selector(t, "udp", ":0"), control4(foreign, netip.MustParseAddr("127.255.255.255"), lo), to, source.Local{Addr: one}, "", nil, 0},
		{"queued", selector(t, "udp", ":0"), control4(none, other, 0), to, source.Local{Addr: other}, "", nil, 0},
		{"queued for a group", selector(t, "udp", ":0"), control4(none, netip.MustParseAddr("224.0.0.251"), 0), to, source.Local{}, "", source.ErrNoPath, 0},
		{"link-local", selector(t, "udp", ":0"), control6(linkLocal, 7), to6, source.Local{Addr: linkLocal, Ifindex: 7}, "", nil, 0},
		{"to link-local", selector(t, "udp", ":0"), control6(one6, 7), &net.UDPAddr{IP: linkLocal.AsSlice(), Port: 9}, source.Local{Addr: one6, Out: 7}, "", nil, 0},

		{"interface alone", selector(t, "udp", ":0"), control4(none, none, lo), to, source.Local{Addr: vip, Out: lo}, "", nil, 0},
		{"interface alone, bound", source.New(bound), control4(none, none, lo), to, source.Local{Addr: one, Out: lo}, "", nil, 0},
		{"interface alone, unknown", selector(t, "udp", ":0"), control6(netip.IPv6Unspecified(), lo), to6, source.Local{Out: lo}, "", nil, 1},
		{"interface alone, unknown, strict", source.New(strict), control6(netip.IPv6Unspecified(), lo), to6, source.Local{}, "", source.ErrNoPath, 1},
		{"interface alone to a group, strict", source.New(strict), control4(none, none, lo), group, source.Local{Out: lo}, "", nil, 0},

		{"interface alone to a group, bound", source.New(bound), control4(none, none, lo), group, source.Local{Addr: one, Out: lo}, "", nil, 0},
		{"an empty one to a group", selector(t, "udp", ":0"), control4(none, none, 0), group, source.Local{}, "", nil, 1},

		{"IPv6 source to IPv4", selector(t, "udp", ":0"), control6(one6, 0), to, source.Local{}, "different families", nil, 0},
		{"IPv4 source to IPv6", selector(t, "udp", ":0"), control4(other, none, 0), to6, source.Local{}, "different families", nil, 0},
		{"malformed", selector(t, "udp", ":0"), make([]byte, 24), to, source.Local{}, "", syscall.EINVAL, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			from := addrOf(one, 0)
			carrying := tc.s.UDPAddr(&from, &source.Arrival{Local: source.Local{Addr: vip}})
			addr := tc.to
			if addr == to {
				addr = carrying
			}
			var h source.Header
			before := slices.Concat(class)
			oob := slices.Concat(tc.oob, class)
			if tc.err == syscall.EINVAL {
				oob = tc.oob
			}
			others, err := tc.s.ByControl(oob, before, addr, &h)
			requireWhy(t, err, tc.why, tc.err)
			require.Equal(t, tc.unknown, tc.s.Counts.UnknownPath.Load())
			if err != nil {
				return
			}
			require.Equal(t, tc.want, h.Local)
			require.Equal(t, pktinfo.AppendOthers(before, oob), others)
			// An address that carries nothing is remembered.
			if addr == carrying {
				if tc.s.Memory != nil {
					tc.s.Memory.Note(h.Remote.AddrPort, 0, vip, 0)
				}
				h = source.Header{}
				_, err = tc.s.ByControlAddrPort(oob, nil, addr.AddrPort(), &h)
				require.NoError(t, err)
				require.Equal(t, tc.want, h.Local)
			}
		})
	}
	connected := bound
	connected.Connected, connected.Peer = true, netip.MustParseAddrPort("127.0.0.1:9")
	s, h := source.New(connected), new(source.Header)
	_, err := s.ByControl(nil, nil, nil, h)
	require.NoError(t, err)
	require.Equal(t, source.Header{Local: source.Local{Addr: one}, Remote: addrOf(one, 0)}, *h)
	_, err = s.ByControlAddrPort(nil, nil, netip.AddrPort{}, new(source.Header))
	require.NoError(t, err)
	_, err = s.ByControl(nil, nil, to, h)
	require.Equal(t, net.ErrWriteToConnected, err)
}

// TestPromise5_ByControlScope: an interface named alone is the scope of a link-local source
// too: what is checked is what is sent.
func TestPromise5_ByControlScope(t *testing.T) {
	s := selector(t, "udp", ":0")
	remote, linkLocal := netip.MustParseAddrPort("[2001:db8::2]:9"), netip.MustParseAddr("fe80::1")
	s.Memory.Note(remote, 0, linkLocal, 7)
	var h source.Header
	_, err := s.ByControlAddrPort(control6(netip.IPv6Unspecified(), 8), nil, remote, &h)
	require.NoError(t, err)
	require.Equal(t, source.Local{Addr: linkLocal, Ifindex: 8, Out: 8}, h.Local)
}

// TestT5_ByInterface: with the option an answer leaves by the interface of its request, and
// without it by the routing table's: nor does it to this host, or where the scope has one.
func TestT5_ByInterface(t *testing.T) {
	away, away6 := netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("2001:db8::9")
	linkLocal := netip.MustParseAddr("fe80::1")
	for _, tc := range []struct {
		network, bound string
		local          source.Local
		remote         netip.Addr
		out            uint32
	}{
		{"udp4", ":0", source.Local{Addr: vip}, away, 7},
		{"udp", ":0", source.Local{Addr: vip}, away, 7},
		{"udp", ":0", source.Local{Addr: one6}, away6, 7},
		{"udp4", "127.0.0.2:0", source.Local{Addr: vip}, away, 7},
		{"udp6", "[::1]:0", source.Local{Addr: one6}, away6, 7},
		{"udp", ":0", source.Local{Addr: vip}, one, 0},
		{"udp", ":0", source.Local{Addr: vip}, other, 0},
		{"udp", ":0", source.Local{Addr: one6}, one6, 0},
		{"udp", ":0", source.Local{Addr: linkLocal, Ifindex: 8}, away6, 0},
		{"udp", ":0", source.Local{Addr: netip.IPv6Unspecified(), Ifindex: 8}, away6, 0},
	} {
		for _, on := range []bool{false, true} {
			c := config(t, tc.network, tc.bound)
			needGuard(t, c)
			c.ByInterface = on
			s := source.New(c)
			require.Equal(t, on || s.Wildcard(), s.NeedsControl())
			remote := addrOf(tc.remote, 0)
			arrived := source.Arrival{Local: tc.local, Ifindex: 7}
			if tc.local.Ifindex != 0 {
				arrived.Ifindex = tc.local.Ifindex
			}
			want := source.Header{Local: tc.local, Remote: remote}
			if on {
				want.Local.Out = tc.out
			}
			for name, choose := range map[string]func(h *source.Header) error{
				"arrival": func(h *source.Header) error { return s.ByArrival(&remote, &arrived, h) },
				"carried": func(h *source.Header) error { return s.ByUDPAddr(s.UDPAddr(&remote, &arrived), h) },
				"path": func(h *source.Header) error {
					err := s.ByPath(s.LocalAddrPort(&tc.local), remote.AddrPort, h)
					s.LeaveBy(arrived.Ifindex, h)
					return err
				},
				"control": func(h *source.Header) error {
					oob := control6(tc.local.Addr, arrived.Ifindex)
					if tc.remote.Is4() {
						oob = control4(tc.local.Addr, tc.local.Addr, arrived.Ifindex)
					}
					_, err := s.ByControlAddrPort(oob, nil, remote.AddrPort, h)
					return err
				},
			} {
				if name == "control" && tc.local.Addr.IsUnspecified() {
					continue // it names the interface alone
				}
				var h source.Header
				require.NoError(t, choose(&h), name)
				require.Equal(t, want, h, "%s %+v", name, tc)
			}
			// A bound address leaves by an interface too, and from itself.
			got, err := pktinfo.ParseRequest(s.AppendControl(nil, &want), tc.remote.Is4())
			require.NoError(t, err)
			if want.Local.Out != 0 {
				require.Equal(t, want.Local.Addr, got.Src)
				require.Equal(t, want.Local.Out, got.Ifindex)
			} else {
				require.Equal(t, want.Local.Ifindex, got.Ifindex)
			}
		}
	}
}

// TestAppendControl: a datagram has a control message for its source where that is not the
// bound address, with an interface where the source means nothing without it or the caller
// names one, and one for its mark, which keeps the socket's own class.
func TestAppendControl(t *testing.T) {
	linkLocal, unspecified6 := netip.MustParseAddr("fe80::1"), netip.IPv6Unspecified()
	for _, tc := range []struct {
		network, address string
		to               netip.Addr
		local            source.Local
		want             pktinfo.Request
	}{
		{"udp", ":0", one, source.Local{}, pktinfo.Request{}},
		{"udp", ":0", one, source.Local{Addr: vip}, pktinfo.Request{Src: vip}},
		{"udp", ":0", one6, source.Local{Addr: one6}, pktinfo.Request{Src: one6}},
		{"udp4", ":0", one, source.Local{Addr: vip, Ifindex: 7}, pktinfo.Request{Src: vip}},
		{"udp", ":0", one6, source.Local{Addr: one6, Ifindex: 7}, pktinfo.Request{Src: one6}},
		{"udp", ":0", one6, source.Local{Addr: linkLocal, Ifindex: 7}, pktinfo.Request{Src: linkLocal, Ifindex: 7}},
		{"udp", ":0", one6, source.Local{Addr: unspecified6, Ifindex: 7}, pktinfo.Request{Ifindex: 7}},
		{"udp", ":0", one6, source.Local{Addr: linkLocal, Ifindex: 7, Out: 8}, pktinfo.Request{Src: linkLocal, Ifindex: 8}},
		{"udp4", ":0", one, source.Local{Out: 7}, pktinfo.Request{Ifindex: 7}},

		{"udp4", "127.0.0.2:0", one, source.Local{Addr: vip}, pktinfo.Request{}},
		{"udp", "[::ffff:127.0.0.2]:0", one, source.Local{Addr: vip}, pktinfo.Request{}},
		{"udp6", "[::1]:0", one6, source.Local{Addr: one6}, pktinfo.Request{}},
		{"udp4", "127.0.0.2:0", one, source.Local{Addr: other}, pktinfo.Request{Src: other}},
		{"udp4", "127.0.0.2:0", one, source.Local{Addr: vip, Out: 7}, pktinfo.Request{Src: vip, Ifindex: 7}},
	} {
		c := config(t, tc.network, tc.address)
		s := source.New(c)
		h := source.Header{Local: tc.local, Remote: addrOf(tc.to, 0)}
		plain := s.AppendControl(nil, &h)
		got, err := pktinfo.ParseRequest(plain, tc.to.Is4())
		require.NoError(t, err)
		require.Equal(t, tc.want, got, "%+v", tc)
		require.Equal(t, tc.want != pktinfo.Request{}, len(plain) > 0, "%+v", tc)

		require.NoError(t, c.Socket.Control(func(fd uintptr) error {
			if tc.to.Is4() {
				return unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, 0xb8|1)
			}
			return unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0xb8|1)
		}))
		h.ECN = 2
		require.Equal(t, pktinfo.AppendClass(plain, tc.to.Is4(), 2), s.AppendControl(nil, &h), "as it was")
		s.ReadClass()
		require.Equal(t, pktinfo.AppendClass(plain, tc.to.Is4(), 0xb8|2), s.AppendControl(nil, &h))
	}
}
