package dsrudp_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestPathOfReceived: what each read says of a datagram's path, on each kind of
// socket.
func TestPathOfReceived(t *testing.T) {
	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		x := dialVIP(t, c, vips[1])
		want := dsrudp.Path{Local: netip.AddrPortFrom(vips[1], portOf(c)), Remote: addrPortOf(x.LocalAddr())}
		b := make([]byte, 16)

		write(t, x, "1")
		_, p, err := c.ReadFromPath(b)
		require.NoError(t, err)
		require.Equal(t, want, p)
		require.True(t, p.IsValid())

		write(t, x, "2")
		_, a, err := c.ReadFrom(b)
		require.NoError(t, err)
		p, ok := dsrudp.PathOf(a)
		require.True(t, ok)
		require.Equal(t, want, p)

		write(t, x, "3")
		_, _, _, a3, err := c.ReadMsgUDP(b, nil)
		require.NoError(t, err)
		p, ok = dsrudp.PathOf(a3)
		require.True(t, ok)
		require.Equal(t, want, p)

		p, ok = c.PathTo(addrPortOf(x.LocalAddr()))
		require.True(t, ok)
		require.Equal(t, want, p)
		_, ok = c.PathTo(vipPort)
		require.False(t, ok)
	}
}

func TestPathOfNothing(t *testing.T) {
	for _, a := range []net.Addr{nil, (*net.UDPAddr)(nil), &net.UDPAddr{}, otherAddr{}, &net.TCPAddr{}} {
		_, ok := dsrudp.PathOf(a)
		require.False(t, ok)
	}
}

func TestPathString(t *testing.T) {
	p := dsrudp.Path{Local: vipPort, Remote: netip.MustParseAddrPort("203.0.113.2:40695")}
	require.Equal(t, "198.51.100.2:60002<-203.0.113.2:40695", p.String())
	require.False(t, dsrudp.Path{}.IsValid())
	require.False(t, dsrudp.Path{Remote: p.Remote}.IsValid())
}

// TestBoundConn: a socket bound to one address has that as Local, and sends from
// another local one if a Path says so.
func TestBoundConn(t *testing.T) {
	c := listen(t, "udp", "127.0.0.2:0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	_, a, err := c.ReadFrom(make([]byte, 16))
	require.NoError(t, err)
	p, ok := dsrudp.PathOf(a)
	require.True(t, ok)
	require.Equal(t, dsrudp.Path{Local: addrPortOf(c.LocalAddr()), Remote: addrPortOf(x.LocalAddr())}, p)
	_, err = c.WriteToPath([]byte("2"), p)
	require.NoError(t, err)
	require.Equal(t, "2", read(t, x))

	// No control message where there is only one address.
	write(t, x, "3")
	_, oobn, flags, _, err := c.ReadMsgUDPAddrPort(make([]byte, 16), make([]byte, 64))
	require.NoError(t, err)
	require.Zero(t, oobn)
	require.Zero(t, flags)

	// To anyone: no path is needed, so none is missed.
	_, err = c.WriteToUDPAddrPort([]byte("4"), addrPortOf(x.LocalAddr()))
	require.NoError(t, err)
	require.Equal(t, "4", read(t, x))
	require.Zero(t, c.Stats())
	p, ok = c.PathTo(vipPort)
	require.True(t, ok)
	require.Equal(t, addrPortOf(c.LocalAddr()), p.Local)
}

// TestWritePacketRefuses: a Path that cannot be taken is an error, and nothing
// leaves.
func TestWritePacketRefuses(t *testing.T) {
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		x := dialVIP(t, c, vips[0])
		client := addrPortOf(x.LocalAddr())
		for _, tc := range []struct {
			name  string
			local netip.AddrPort
			want  error
		}{
			{"no local", netip.AddrPort{}, dsrudp.ErrNoPath},
			{"unspecified", at("0.0.0.0:0"), dsrudp.ErrNoPath},
			{"unspecified v6", at("[::]:0"), dsrudp.ErrNoPath},
			{"another port", at("127.0.0.2:1"), dsrudp.ErrNotLocal},
			{"not local", at("198.51.100.77:0"), dsrudp.ErrNotLocal},
			{"multicast", at("239.1.2.3:0"), dsrudp.ErrNotLocal},
			{"broadcast", at("255.255.255.255:0"), dsrudp.ErrNotLocal},
			{"v6 to a v4 peer", at("[::1]:0"), dsrudp.ErrNotLocal},
			{"mapped not local", at("[::ffff:198.51.100.77]:0"), dsrudp.ErrNotLocal},
		} {
			before := c.Stats().Refused
			_, err := c.WriteToPath([]byte("bad"), dsrudp.Path{Local: tc.local, Remote: client})
			require.ErrorIs(t, err, tc.want, "%s on %s %s", tc.name, w.network, w.address)
			var op *net.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, "write", op.Op)
			require.Equal(t, w.network, op.Net)
			require.Equal(t, before+1, c.Stats().Refused, tc.name)
		}
		// The good ones, to see that the client was listening all the time.
		for _, local := range []netip.AddrPort{at("127.0.0.2:0"), netip.AddrPortFrom(vips[0], portOf(c)), at("[::ffff:127.0.0.2]:0")} {
			_, err := c.WriteToPath([]byte("good"), dsrudp.Path{Local: local, Remote: client})
			require.NoError(t, err)
			require.Equal(t, "good", read(t, x))
		}
		_, err := c.WriteToPath(nil, dsrudp.Path{Local: netip.AddrPortFrom(vips[0], 0)})
		require.Error(t, err, "no remote")
	}
}

// TestLoopbackToOthers: ::1 and 127.0.0.1 must not be sources towards other hosts.
// The kernel refuses the second and lets the first out onto the wire.
func TestLoopbackToOthers(t *testing.T) {
	c6 := listen(t, "udp6", ":0")
	_, err := c6.WriteToPath([]byte("x"), dsrudp.Path{Local: netip.MustParseAddrPort("[::1]:0"), Remote: netip.MustParseAddrPort("[2001:db8::9]:9")})
	require.ErrorIs(t, err, dsrudp.ErrNotLocal)
	require.ErrorContains(t, err, "loopback")
}
