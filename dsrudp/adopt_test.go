package dsrudp_test

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestK1_12_AdoptQueued: datagrams that were queued before the socket had IP_PKTINFO are
// answered from the right address, by every pair of methods.
func TestK1_12_AdoptQueued(t *testing.T) {
	needNetlink(t)
	for _, w := range wildcards {
		for _, servers := range []map[string]pair{carrying, rebuilding} {
			for name, serve := range servers {
				t.Run(w.network+w.address+"/"+name, func(t *testing.T) {
					u, err := net.ListenPacket(w.network, w.address)
					require.NoError(t, err)
					x, y := dialVIP(t, u, vips[0]), dialVIP(t, u, vips[1])
					write(t, x, x.LocalAddr().String()+" x")
					write(t, y, y.LocalAddr().String()+" y")
					serve.both(t, adopt(t, u.(*net.UDPConn)))
					require.Equal(t, x.LocalAddr().String()+" x", read(t, x))
					require.Equal(t, y.LocalAddr().String()+" y", read(t, y))
				})
			}
		}
	}
}

// TestAdoptConnected: a connected socket reads and writes as it did.
func TestAdoptConnected(t *testing.T) {
	server := listen(t, "udp", ":0")
	c := adopt(t, dialVIP(t, server, vips[0]))
	own, peer := addrPortOf(c.LocalAddr()), netip.AddrPortFrom(vips[0], portOf(server))
	p := dsrudp.Path{Local: own, Remote: peer}
	b := make([]byte, 16)
	for name, write := range map[string]func(s string) error{
		"Write":       func(s string) error { _, err := c.Write([]byte(s)); return err },
		"WriteMsgUDP": func(s string) error { _, _, err := c.WriteMsgUDP([]byte(s), nil, nil); return err },
		"WriteToPath": func(s string) error { _, err := c.WriteToPath([]byte(s), p); return err },
	} {
		require.NoError(t, write(name))
		n, got, err := server.ReadFromPath(b)
		require.NoError(t, err)
		require.Equal(t, name, string(b[:n]))
		require.Equal(t, dsrudp.Path{Local: peer, Remote: own}, got)
		for range 3 {
			_, err = server.WriteToPath(b[:n], got)
			require.NoError(t, err)
		}
		n, err = c.Read(b)
		require.NoError(t, err)
		require.Equal(t, name, string(b[:n]))
		_, got, err = c.ReadFromPath(b)
		require.NoError(t, err)
		require.Equal(t, p, got)
		_, a, err := c.ReadFrom(b)
		require.NoError(t, err)
		require.Equal(t, peer, addrPortOf(a))
	}
	p.Remote = netip.AddrPortFrom(vips[1], peer.Port())
	_, err := c.WriteToPath([]byte("elsewhere"), p)
	require.ErrorIs(t, err, net.ErrWriteToConnected)
	require.Zero(t, faults(c))
}

// TestAdoptNetwork: errors have the name of the network that net knew the socket by, and
// Close closes what was adopted.
func TestAdoptNetwork(t *testing.T) {
	for _, network := range []string{"udp", "udp4", "udp6"} {
		u, err := net.ListenUDP(network, nil)
		require.NoError(t, err)
		c := adopt(t, u)
		require.NoError(t, c.Close())
		require.ErrorIs(t, u.SetDeadline(time.Time{}), net.ErrClosed)
		_, _, got := c.ReadFrom(nil)
		_, _, want := u.ReadFrom(nil)
		requireSameError(t, want, got)
	}
}

// TestAdoptRefuses: what is no open socket is an error, also where it was closed after it
// was adopted: its number may be another file's by then.
func TestAdoptRefuses(t *testing.T) {
	_, err := dsrudp.NewConn(nil)
	require.Error(t, err)
	_, err = dsrudp.NewConn(new(net.UDPConn))
	require.Error(t, err)
	u := netClient(t, net.IPv4(127, 0, 0, 1))
	for _, second := range []*net.UDPConn{nil, u} {
		_, err = new(dsrudp.ListenConfig).NewConns(u, second)
		require.ErrorIs(t, err, syscall.EINVAL)
		require.ErrorContains(t, err, "index 1")
	}
	require.NoError(t, u.Close())
	_, err = dsrudp.NewConn(u)
	require.ErrorIs(t, err, net.ErrClosed)

	u = netClient(t, net.IPv4(127, 0, 0, 1))
	c := adopt(t, u)
	a := receive(t, c, dial(t, netip.AddrPort{}, addrPortOf(c.LocalAddr())))
	require.NoError(t, c.SetDeadline(time.Time{}))
	require.NoError(t, u.Close())
	_, err = c.WriteTo([]byte("1"), a)
	require.ErrorIs(t, err, net.ErrClosed)
	_, _, err = c.ReadFrom(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorIs(t, serve(t, &dsrudp.Server{Handler: echoing(t)}, c).wait(t), net.ErrClosed)
}

// TestAdoptFile: a connected socket that was passed as a file has a peer, and net does
// not count it as connected.
func TestAdoptFile(t *testing.T) {
	y := netClient(t, net.IPv4(127, 0, 0, 1))
	x := dial(t, vipPort0, addrPortOf(y.LocalAddr()))
	f, err := x.File()
	require.NoError(t, err)
	defer f.Close()
	fc, err := net.FileConn(f)
	require.NoError(t, err)
	_, err = adopt(t, fc.(*net.UDPConn)).Write([]byte("1"))
	require.NoError(t, err)
	_, from, err := y.ReadFromUDPAddrPort(make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, addrPortOf(x.LocalAddr()), addrPortOf(net.UDPAddrFromAddrPort(from)))
}
