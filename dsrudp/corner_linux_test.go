package dsrudp_test

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestListenUDPLikeNet: the odd addresses, too, are net's.
func TestListenUDPLikeNet(t *testing.T) {
	for _, network := range []string{"udp", "udp4", "udp6"} {
		for _, laddr := range []*net.UDPAddr{
			{IP: net.IPv4zero},
			{IP: net.IPv6zero},
			{IP: net.IPv4(127, 0, 0, 1), Zone: "lo"},
			{IP: net.IPv4(127, 0, 0, 1)},
			{IP: net.IPv6loopback},
			{Zone: "lo"},
			{IP: []byte{1, 2, 3}},
		} {
			n, want := net.ListenUDP(network, laddr)
			c, got := dsrudp.ListenUDP(network, laddr)
			requireSameError(t, want, got)
			if want != nil {
				continue
			}
			require.True(t, n.LocalAddr().(*net.UDPAddr).IP.Equal(c.LocalAddr().(*net.UDPAddr).IP), "%s %v", network, laddr)
			n.Close()
			c.Close()
		}
	}
}

// TestReadNothing: net's Read into no buffer waits for nothing.
func TestReadNothing(t *testing.T) {
	c := listen(t, "udp4", ":0")
	n, err := c.Read(nil)
	require.NoError(t, err)
	require.Zero(t, n)
}

// TestBoundToIPv6AndOthers: on a socket bound to an IPv6 address no path or
// control message gets round the bound address, and none is a panic.
func TestBoundToIPv6AndOthers(t *testing.T) {
	info := make([]byte, unix.CmsgSpace(20))
	cmsghdr(info, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, 20)[16] = 1 // the loopback interface
	c := listen(t, "udp6", "[::1]:0")
	_, _, err := c.WriteMsgUDPAddrPort([]byte("1"), info, netip.MustParseAddrPort("127.0.0.1:9"))
	require.ErrorIs(t, err, dsrudp.ErrNotLocal)
	_, _, err = c.WriteMsgUDPAddrPort([]byte("1"), info, netip.MustParseAddrPort("224.0.0.1:9"))
	require.ErrorIs(t, err, dsrudp.ErrNotLocal)

	c = listenWith(t, &dsrudp.ListenConfig{FreeBind: true}, "udp6", "[2001:db8::1]:0")
	peer := netip.MustParseAddrPort("[::1]:9")
	for _, local := range []string{"[2001:db8::1]:0", "[::%lo]:0"} {
		_, err = c.WriteToPath([]byte("spoofed"), dsrudp.Path{Local: netip.MustParseAddrPort(local), Remote: peer})
		require.ErrorIs(t, err, dsrudp.ErrNotLocal, local)
	}
	_, _, err = c.WriteMsgUDPAddrPort([]byte("spoofed"), info, peer)
	require.ErrorIs(t, err, dsrudp.ErrNotLocal)
}

// TestLinkLocalWithoutZone: a link-local source is not local to just any link.
func TestLinkLocalWithoutZone(t *testing.T) {
	c := listen(t, "udp6", ":0")
	for _, local := range []string{"[fe80::1]:0", "[fe80::1%nosuch]:0"} {
		_, err := c.WriteToPath([]byte("1"), dsrudp.Path{Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort("[::1]:9")})
		require.ErrorIs(t, err, dsrudp.ErrNotLocal)
		require.ErrorContains(t, err, "zone")
	}
}

// TestFreeBindBroadcast: a socket bound to a broadcast address answers from the
// interface's own, and says so in the Path.
func TestFreeBindBroadcast(t *testing.T) {
	for _, free := range []bool{false, true} {
		c := listenWith(t, &dsrudp.ListenConfig{FreeBind: free}, "udp4", "127.255.255.255:0")
		// The answer to a broadcast comes from another address than it was sent
		// to, so this client cannot be connected.
		x, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		require.NoError(t, err)
		defer x.Close()
		require.NoError(t, x.SetDeadline(time.Now().Add(patience)))
		_, err = x.WriteTo([]byte("1"), c.LocalAddr())
		require.NoError(t, err)
		_, p, err := c.ReadFromPath(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, netip.MustParseAddr("127.0.0.1"), p.Local.Addr())
		_, err = c.WriteToPath([]byte("2"), p)
		require.NoError(t, err)
		_, from, err := x.ReadFromUDPAddrPort(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, p.Local, from)
	}
}

// TestHeaderDestinationBesideSource: the kernel ignores ipi_addr beside a source,
// and so does Conn: it is no sign of a group.
func TestHeaderDestinationBesideSource(t *testing.T) {
	c := listen(t, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	info := make([]byte, unix.CmsgSpace(12))
	d := cmsghdr(info, unix.IPPROTO_IP, unix.IP_PKTINFO, 12)
	d[0] = 1
	source, other := vips[0].As4(), vips[1].As4()
	copy(d[4:], source[:])
	copy(d[8:], other[:])
	_, _, err := c.WriteMsgUDPAddrPort([]byte("1"), info, addrPortOf(x.LocalAddr()))
	require.NoError(t, err)
	require.Equal(t, "1", read(t, x))
}

// TestNoRouteFromInterface: no way to the peer is no fault of the source.
func TestNoRouteFromInterface(t *testing.T) {
	c := listen(t, "udp6", ":0")
	_, err := c.WriteToPath([]byte("1"), dsrudp.Path{Local: netip.MustParseAddrPort("[::%lo]:0"), Remote: netip.MustParseAddrPort("[2001:db8::9]:9")})
	require.Error(t, err)
	require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
}

// TestControlTurnsGROOn: neither a socket made here may join datagrams.
func TestControlTurnsGROOn(t *testing.T) {
	lc := &dsrudp.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		return rc.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 1) })
	}}
	_, err := lc.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	require.ErrorContains(t, err, "UDP_GRO")
}

// TestAdoptedBoundWithoutControl: the address that a socket is bound to is known
// without control messages.
func TestAdoptedBoundWithoutControl(t *testing.T) {
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: vips[0].AsSlice()})
	require.NoError(t, err)
	c := adopt(t, u)
	rc, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, rc.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 0) }))
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	_, p, err := c.ReadFromPath(make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, vips[0], p.Local.Addr())
}

// TestLostPath: a datagram whose control data is lost is answered by no method:
// the choice is never left to the kernel.
func TestLostPath(t *testing.T) {
	c := listen(t, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	_, _, err := c.ReadFromUDPAddrPort(make([]byte, 1))
	require.NoError(t, err)
	rc, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, rc.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 0) }))
	for i := range 2 {
		write(t, x, "2")
		_, a, err := c.ReadFromUDP(make([]byte, 1))
		require.NoError(t, err)
		_, ok := dsrudp.PathOf(a)
		require.False(t, ok)
		_, err = c.WriteToUDP([]byte("bad"), a)
		require.ErrorIs(t, err, dsrudp.ErrNoPath)
		_, err = c.WriteToUDPAddrPort([]byte("bad"), a.AddrPort())
		require.ErrorIs(t, err, dsrudp.ErrNoPath)
		_, ok = c.PathTo(a.AddrPort())
		require.False(t, ok)
		require.EqualValues(t, i+1, c.Stats().LostPath)
	}
}

// TestPacketsLostPath: the same in a batch, where a bare address is no way round it
// either.
func TestPacketsLostPath(t *testing.T) {
	c := listen(t, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	require.True(t, readAll(t, c, 1)[0].Path.IsValid())
	rc, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, rc.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 0) }))
	write(t, x, "2")
	write(t, x, "3")
	ps := readAll(t, c, 2)
	n, err := c.WritePackets(ps)
	require.Zero(t, n)
	require.ErrorIs(t, err, dsrudp.ErrNoPath)
	_, err = c.WriteToUDPAddrPort([]byte("bad"), addrPortOf(x.LocalAddr()))
	require.ErrorIs(t, err, dsrudp.ErrNoPath)
	require.EqualValues(t, 2, c.Stats().LostPath)
}

// TestUnspecifiedRemote: no address, and 0.0.0.0 on a socket that takes both
// families, mean "::", which is this host, as with net.
func TestUnspecifiedRemote(t *testing.T) {
	x, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	require.NoError(t, err)
	defer x.Close()
	require.NoError(t, x.SetDeadline(time.Now().Add(patience)))
	port := x.LocalAddr().(*net.UDPAddr).Port
	c := listen(t, "udp", ":0")
	for _, ip := range []net.IP{nil, net.IPv4zero, net.IPv6zero} {
		_, err := c.WriteToUDP([]byte("1"), &net.UDPAddr{IP: ip, Port: port})
		require.NoError(t, err)
		_, from, err := x.ReadFromUDPAddrPort(make([]byte, 1))
		require.NoError(t, err, "%v", ip)
		require.Equal(t, netip.AddrPortFrom(netip.IPv6Loopback(), portOf(c)), from)
	}
}

// TestUnspecifiedRemoteStrict: what net sends to no address too is not left to
// net, which would send it from the kernel's choice.
func TestUnspecifiedRemoteStrict(t *testing.T) {
	for _, network := range []string{"udp4", "udp"} {
		c := listenWith(t, &dsrudp.ListenConfig{Strict: true}, network, ":0")
		for _, ip := range []net.IP{nil, {}, net.IPv4zero} {
			_, err := c.WriteToUDP([]byte("1"), &net.UDPAddr{IP: ip, Port: 9})
			require.ErrorIs(t, err, dsrudp.ErrNoPath, "%s %v", network, ip)
		}
	}
}

// TestUnspecifiedLocal: 0.0.0.0 is no address to answer from, with the bound port
// or without one, in a batch or alone: never the kernel's choice.
func TestUnspecifiedLocal(t *testing.T) {
	for _, network := range []string{"udp4", "udp"} {
		c := listen(t, network, ":0")
		x := dialVIP(t, c, vips[0])
		for _, port := range []uint16{0, addrPortOf(c.LocalAddr()).Port()} {
			for _, local := range []netip.Addr{netip.IPv4Unspecified(), netip.AddrFrom16(netip.IPv4Unspecified().As16())} {
				p := dsrudp.Path{Local: netip.AddrPortFrom(local, port), Remote: addrPortOf(x.LocalAddr())}
				_, err := c.WriteToPath([]byte("bad"), p)
				require.ErrorIs(t, err, dsrudp.ErrNoPath, p)
				n, err := c.WritePackets([]dsrudp.Packet{packet("bad", p)})
				require.ErrorIs(t, err, dsrudp.ErrNoPath, p)
				require.Zero(t, n)
			}
		}
	}
}
