package dsrudp_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

func adopt(t *testing.T, u *net.UDPConn) *dsrudp.Conn {
	t.Helper()
	c, err := dsrudp.NewConn(u)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

// TestAdoptQueued (K1.12): datagrams that were queued before the socket had
// IP_PKTINFO are answered from the right address, by every pair of methods.
func TestAdoptQueued(t *testing.T) {
	for _, w := range wildcards {
		for _, servers := range []map[string]netServer{carrying, rebuilding} {
			for name, serve := range servers {
				t.Run(w.network+w.address+"/"+name, func(t *testing.T) {
					u, err := net.ListenPacket(w.network, w.address)
					require.NoError(t, err)
					x, y := dialVIP(t, u, vips[0]), dialVIP(t, u, vips[1])
					write(t, x, "x"+x.LocalAddr().String())
					write(t, y, "y"+y.LocalAddr().String())
					serve(t, adopt(t, u.(*net.UDPConn)))
					require.Equal(t, "x"+x.LocalAddr().String(), read(t, x))
					require.Equal(t, "y"+y.LocalAddr().String(), read(t, y))
				})
			}
		}
	}
}

// TestAdoptConnected: a connected socket reads and writes as it did.
func TestAdoptConnected(t *testing.T) {
	server := listen(t, "udp", ":0")
	c := adopt(t, dialVIP(t, server, vips[0]))
	peer := netip.AddrPortFrom(vips[0], portOf(server))
	b := make([]byte, 16)
	answer := func(want string) {
		n, p, err := server.ReadFromPath(b)
		require.NoError(t, err)
		require.Equal(t, want, string(b[:n]))
		require.Equal(t, dsrudp.Path{Local: peer, Remote: addrPortOf(c.LocalAddr())}, p)
		_, err = server.WriteToPath(b[:n], p)
		require.NoError(t, err)
	}

	_, err := c.Write([]byte("write"))
	require.NoError(t, err)
	answer("write")
	n, err := c.Read(b)
	require.NoError(t, err)
	require.Equal(t, "write", string(b[:n]))

	_, _, err = c.WriteMsgUDP([]byte("msg"), nil, nil)
	require.NoError(t, err)
	answer("msg")
	n, p, err := c.ReadFromPath(b)
	require.NoError(t, err)
	require.Equal(t, "msg", string(b[:n]))
	require.Equal(t, dsrudp.Path{Local: addrPortOf(c.LocalAddr()), Remote: peer}, p)

	_, err = c.WriteToPath([]byte("path"), p)
	require.NoError(t, err)
	answer("path")
	_, a, err := c.ReadFrom(b)
	require.NoError(t, err)
	require.Equal(t, peer, addrPortOf(a))

	p.Remote = netip.AddrPortFrom(vips[1], peer.Port())
	_, err = c.WriteToPath([]byte("elsewhere"), p)
	require.ErrorIs(t, err, net.ErrWriteToConnected)
	require.Zero(t, c.Stats())
}

// TestAdoptBound: a socket bound to one address answers from it.
func TestAdoptBound(t *testing.T) {
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: vips[0].AsSlice()})
	require.NoError(t, err)
	x := dialVIP(t, u, vips[0])
	write(t, x, "1")
	c := adopt(t, u)
	_, a, err := c.ReadFromUDPAddrPort(make([]byte, 16))
	require.NoError(t, err)
	_, err = c.WriteToUDPAddrPort([]byte("2"), a)
	require.NoError(t, err)
	require.Equal(t, "2", read(t, x))
	p, ok := c.PathTo(a)
	require.True(t, ok)
	require.Equal(t, addrPortOf(u.LocalAddr()), p.Local)
}

// TestAdoptNetwork: errors have the network's name that net knew the socket by.
func TestAdoptNetwork(t *testing.T) {
	for _, network := range []string{"udp", "udp4", "udp6"} {
		u, err := net.ListenUDP(network, nil)
		require.NoError(t, err)
		c := adopt(t, u)
		require.NoError(t, c.Close())
		require.ErrorIs(t, u.SetDeadline(time.Time{}), net.ErrClosed, "Close closes what was adopted")
		_, _, got := c.ReadFrom(nil)
		_, _, want := u.ReadFrom(nil)
		requireSameError(t, want, got)
	}
}

func TestAdoptRefuses(t *testing.T) {
	_, err := dsrudp.NewConn(nil)
	require.Error(t, err)
	_, err = dsrudp.NewConn(new(net.UDPConn))
	require.Error(t, err)
	u, err := net.ListenUDP("udp4", nil)
	require.NoError(t, err)
	require.NoError(t, u.Close())
	_, err = dsrudp.NewConn(u)
	require.ErrorIs(t, err, net.ErrClosed)
}

// TestWriteOfFile: a connected socket that was handed over as a file has a peer,
// and net does not count it as connected.
func TestWriteOfFile(t *testing.T) {
	y, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer y.Close()
	require.NoError(t, y.SetDeadline(time.Now().Add(patience)))
	x, err := net.DialUDP("udp4", nil, y.LocalAddr().(*net.UDPAddr))
	require.NoError(t, err)
	defer x.Close()
	f, err := x.File()
	require.NoError(t, err)
	defer f.Close()
	fc, err := net.FileConn(f)
	require.NoError(t, err)
	c, err := dsrudp.NewConn(fc.(*net.UDPConn))
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("1"))
	require.NoError(t, err)
	_, from, err := y.ReadFromUDPAddrPort(make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, addrPortOf(x.LocalAddr()), from)
}
