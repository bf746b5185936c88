package dsrudp_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestPromise1_Refused: a Path that cannot be taken is an error of WriteToPath and
// WritePackets, counted, and nothing leaves.
func TestPromise1_Refused(t *testing.T) {
	needNetlink(t)
	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		x := dialVIP(t, c, vips[0])
		client := addrPortOf(x.LocalAddr())
		at := netip.MustParseAddrPort
		for _, tc := range []struct {
			local netip.AddrPort
			want  error
		}{
			{netip.AddrPort{}, dsrudp.ErrNoPath},
			{at("0.0.0.0:0"), dsrudp.ErrNoPath},
			{netip.AddrPortFrom(netip.IPv4Unspecified(), portOf(c)), dsrudp.ErrNoPath},
			{at("[::]:0"), dsrudp.ErrNoPath},
			{at("127.0.0.2:1"), dsrudp.ErrNotLocal},
			{at("198.51.100.77:0"), dsrudp.ErrNotLocal},
			{at("255.255.255.255:0"), dsrudp.ErrNotLocal},
			{at("[::1]:0"), dsrudp.ErrNotLocal}, // to an IPv4 peer
		} {
			before := c.Stats().Refused
			p := dsrudp.Path{Local: tc.local, Remote: client}
			_, err := c.WriteToPath([]byte("bad"), p)
			requireWriteOp(t, err, tc.want)
			n, err := c.WritePackets([]dsrudp.Packet{packet("bad", p)})
			require.ErrorIs(t, err, tc.want, "%v on %v", tc.local, w)
			require.Zero(t, n)
			require.Equal(t, before+2, c.Stats().Refused, "%v on %v", tc.local, w)
		}
		for _, local := range []netip.AddrPort{at("127.0.0.2:0"), netip.AddrPortFrom(vips[0], portOf(c)), at("[::ffff:127.0.0.2]:0")} {
			_, err := c.WriteToPath([]byte("good"), dsrudp.Path{Local: local, Remote: client})
			require.NoError(t, err)
			require.Equal(t, "good", read(t, x))
		}
		requireNothing(t, x)
	}
}

// TestPromise5_Refused6: what the kernel lets an IPv6 socket with IPV6_FREEBIND send from,
// the library refuses, and says why. That there is no way to the peer is no fault of the
// source.
func TestPromise5_Refused6(t *testing.T) {
	needNetlink(t)
	free := &dsrudp.ListenConfig{FreeBind: true}
	wildcard, bound := listen(t, "udp6", ":0"), listenWith(t, free, "udp6", "["+foreign6+"]:0")
	here, away := netip.MustParseAddrPort("[::1]:9"), netip.MustParseAddrPort("[2001:db8::9]:9")
	for _, tc := range []struct {
		c      *dsrudp.Conn
		local  string
		remote netip.AddrPort
		why    string // "" where it is not ErrNotLocal
	}{
		{wildcard, foreign6, here, "no address or local route"},
		{wildcard, "ff0e::1", here, "group"},
		{wildcard, "::1", away, "loopback"},
		{wildcard, "fe80::1", here, "zone"},
		{wildcard, "fe80::1%lo", here, "no address or local route"},
		{wildcard, "::%lo", away, ""},
		{bound, foreign6, here, "no address or local route"},
		{bound, "::%lo", here, "bound"},
	} {
		_, err := tc.c.WriteToPath([]byte("spoofed"), pathTo(tc.local, tc.remote))
		if tc.why == "" {
			require.Error(t, err)
			require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
			continue
		}
		requireWriteOp(t, err, dsrudp.ErrNotLocal)
		require.ErrorContains(t, err, tc.why, tc.local)
	}

	// An interface in control messages is no way round either.
	lo := unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: 1})
	_, _, err := bound.WriteMsgUDPAddrPort([]byte("spoofed"), lo, here)
	require.ErrorIs(t, err, dsrudp.ErrNotLocal)
}

// TestPromise1_LostPath: a datagram whose control data is lost is answered by no method, and
// through no Conn of the port: the choice is never left to the kernel.
func TestPromise1_LostPath(t *testing.T) {
	c := listenWith(t, &dsrudp.ListenConfig{ReusePort: true}, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	receive(t, c, x) // its path was known once
	losePath(t, c)
	a := receive(t, c, x)
	write(t, x, "2")
	write(t, x, "3")
	ps := readAll(t, c, 2)
	require.EqualValues(t, 3, c.Stats().LostPath)

	_, ok := dsrudp.PathOf(a)
	require.False(t, ok)
	_, ok = c.PathTo(a.AddrPort())
	require.False(t, ok)
	_, err := c.WriteToUDP([]byte("bad"), a)
	require.ErrorIs(t, err, dsrudp.ErrNoPath)
	_, err = c.WriteToUDPAddrPort([]byte("bad"), a.AddrPort())
	require.ErrorIs(t, err, dsrudp.ErrNoPath)
	n, err := c.WritePackets(ps)
	require.ErrorIs(t, err, dsrudp.ErrNoPath)
	require.Zero(t, n)
	other := listenWith(t, &dsrudp.ListenConfig{ReusePort: true}, "udp4", c.LocalAddr().String())
	_, err = other.WriteToUDP([]byte("bad"), a)
	require.ErrorIs(t, err, dsrudp.ErrNoPath)
	requireNothing(t, x)

	// A socket that is bound to one address needs no control data.
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: vips[0].AsSlice()})
	require.NoError(t, err)
	c = adopt(t, u)
	x = dialVIP(t, c, vips[0])
	for range 2 {
		_, err = c.WriteTo([]byte("good"), receive(t, c, x))
		require.NoError(t, err)
		require.Equal(t, "good", read(t, x))
		losePath(t, c)
	}
	require.Zero(t, faults(c))
}

// TestPromise3_BoundToBroadcast: a socket bound to a broadcast address answers from the
// interface's own, with and without FREEBIND.
func TestPromise3_BoundToBroadcast(t *testing.T) {
	needNetlink(t)
	for _, free := range []bool{false, true} {
		c := listenWith(t, &dsrudp.ListenConfig{FreeBind: free}, "udp4", "127.255.255.255:0")
		x := netClient(t, net.IPv4(127, 0, 0, 1))
		_, err := x.WriteTo([]byte("1"), c.LocalAddr())
		require.NoError(t, err)
		_, p, err := c.ReadFromPath(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, pathFrom(c, netip.MustParseAddr("127.0.0.1"), x), p)
		_, err = c.WriteToPath([]byte("2"), p)
		require.NoError(t, err)
		_, from, err := x.ReadFrom(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, p.Local, addrPortOf(from))
	}
}

// TestPromise7_RoomForOthers: a writer waits for room in the send buffer, which datagrams for
// an unresolved neighbour take. Others that there is room for do not wait for their turn
// behind it: net's write lock would have them.
func TestPromise7_RoomForOthers(t *testing.T) {
	if !inNamespace(t, "it did not end") {
		return
	}
	// A bridge without ports has a subnet, in which nobody answers.
	if err := ifreq(t, "br0", unix.SIOCBRADDBR, func(*unix.Ifreq) {}); err != nil {
		t.Skipf("no bridge: %v", err)
	}
	require.NoError(t, ifreq(t, "br0", unix.SIOCSIFADDR, func(r *unix.Ifreq) {
		require.NoError(t, r.SetInet4Addr([]byte{10, 0, 0, 1}))
	}))
	require.NoError(t, ifreq(t, "br0", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) { r.SetUint16(unix.IFF_UP) }))
	require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/neigh/br0/mcast_solicit", []byte("1000"), 0)) // seconds

	c := listenWith(t, &dsrudp.ListenConfig{WriteBuffer: 1 << 14}, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	a := receive(t, c, x)
	nobody := pathTo("10.0.0.1", netip.MustParseAddrPort("10.0.0.9:9"))
	ms := []ipv4.Message{message("filling", net.UDPAddrFromAddrPort(nobody.Remote))}
	for err := error(nil); !errors.Is(err, unix.EAGAIN); {
		_, err = c.WriteBatch(ms, unix.MSG_DONTWAIT)
		require.True(t, err == nil || errors.Is(err, unix.EAGAIN), err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := c.WriteToPath([]byte("waiting"), nobody)
		done <- err
	}()
	soon(t, "the writer waits", func() bool {
		b := make([]byte, 1<<20)
		stacks := strings.Split(string(b[:runtime.Stack(b, true)]), "\n\n")
		return slices.ContainsFunc(stacks, func(s string) bool {
			return strings.Contains(s, "[IO wait") && strings.Contains(s, "WriteToPath")
		})
	})

	// Room for some, but not half of the buffer, at which a wait ends.
	require.NoError(t, c.SetWriteBuffer(3<<13))
	for name, send := range map[string]func() error{
		"WriteTo":     func() error { _, err := c.WriteTo([]byte("1"), a); return err },
		"WriteMsgUDP": func() error { _, _, err := c.WriteMsgUDP([]byte("1"), nil, a); return err },
		"WritePackets": func() error {
			_, err := c.WritePackets([]dsrudp.Packet{packet("1", pathFrom(c, vips[0], x))})
			return err
		},
	} {
		require.NoError(t, send(), name)
		require.Equal(t, "1", read(t, x), name)
	}
	require.Empty(t, done, "the writer does not wait any more")
	require.NoError(t, c.Close())
	require.ErrorIs(t, await(t, done), net.ErrClosed)
}
