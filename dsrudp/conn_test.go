package dsrudp_test

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestSystems: where the system does not report the destinations of datagrams, listening is an
// error: there is no Conn that answers from the wrong address.
func TestSystems(t *testing.T) {
	c, err := dsrudp.ListenPacket("udp4", ":0")
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd", "netbsd", "openbsd", "windows":
		require.NoError(t, err)
		require.NoError(t, c.Close())
	default:
		require.Nil(t, c)
		require.ErrorIs(t, err, dsrudp.ErrNotSupported)
		require.ErrorIs(t, err, errors.ErrUnsupported)
	}
}

// TestT17_Promise6_ListenUDP: the addresses that ListenUDP takes, what it binds to, and the
// errors of the others are net's.
func TestT17_Promise6_ListenUDP(t *testing.T) {
	needNetlink(t)
	for _, network := range []string{"udp", "udp4", "udp6", "tcp"} {
		for _, laddr := range []*net.UDPAddr{
			nil,
			{},
			{IP: net.IPv4zero},
			{IP: net.IPv6zero},
			{IP: net.IPv4(127, 0, 0, 1)},
			{IP: net.IPv4(127, 0, 0, 1), Zone: "lo"},
			{IP: net.IPv6loopback},
			{Zone: "lo"},
			{IP: []byte{1, 2, 3}},
			{IP: net.ParseIP("2001:db8::77")}, // mistyped
			{Port: 65536},
			{IP: net.IPv6loopback, Port: -1},
		} {
			n, want := net.ListenUDP(network, laddr)
			c, got := dsrudp.ListenUDP(network, laddr)
			requireSameError(t, want, got)
			if want != nil {
				continue
			}
			require.True(t, n.LocalAddr().(*net.UDPAddr).IP.Equal(c.LocalAddr().(*net.UDPAddr).IP), "%s %v", network, laddr)
			require.NotZero(t, portOf(c))
			require.NoError(t, n.Close())
			require.NoError(t, c.Close())
		}
	}
}

// TestPromise6_ListenErrors: what net refuses is refused, with net's error.
func TestPromise6_ListenErrors(t *testing.T) {
	needNetlink(t)
	taken := listen(t, "udp4", "127.0.0.1:0")
	for _, tc := range []struct{ network, address string }{
		{"udp4", taken.LocalAddr().String()}, // EADDRINUSE
		{"udp4", "198.51.100.77:0"},          // EADDRNOTAVAIL: no such local address
		{"udp6", "[2001:db8::77]:0"},         // a mistyped IPv6 address too
		{"udp", "[2001:db8::77]:0"},
		{"udp6", "127.0.0.1:0"},
		{"udp4", "[::1]:0"},
		{"udp", "127.0.0.1"},
		{"udp", "127.0.0.1:http-but-not"},
	} {
		c, got := dsrudp.ListenPacket(tc.network, tc.address)
		require.Nil(t, c)
		_, want := net.ListenPacket(tc.network, tc.address)
		require.EqualError(t, got, want.Error(), "%v", tc)
		requireSameError(t, want, got)
	}
	for _, network := range []string{"tcp", "unixgram", ""} { // of which net knows some
		_, err := dsrudp.ListenPacket(network, "127.0.0.1:0")
		require.ErrorAs(t, err, new(net.UnknownNetworkError), network)
	}
	_, err := new(dsrudp.ListenConfig).ListenN(t.Context(), "udp", ":0", 0)
	require.ErrorContains(t, err, "at least 1")
}

// TestListenControl: Control is called once with the socket, and its error is returned as
// net returns it.
func TestListenControl(t *testing.T) {
	called := 0
	lc := &dsrudp.ListenConfig{Control: func(network, _ string, rc syscall.RawConn) error {
		called++
		require.Equal(t, "udp4", network)
		require.NotNil(t, rc)
		return nil
	}}
	listenWith(t, lc, "udp4", "127.0.0.1:0")
	require.Equal(t, 1, called)

	boom := errors.New("boom")
	lc.Control = func(string, string, syscall.RawConn) error { return boom }
	_, err := lc.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	assertOp(t, "listen", err, boom)
}

// TestK4_2_ListenN: the sockets of a set share one port and one path memory, each client
// is served by one socket for every VIP, and any of them can answer it.
func TestK4_2_ListenN(t *testing.T) {
	const sockets, clients = 3, 24
	for _, w := range wildcards {
		cs, err := new(dsrudp.ListenConfig).ListenN(t.Context(), w.network, w.address, sockets)
		require.NoError(t, err)
		require.Len(t, cs, sockets)
		var reading sync.WaitGroup
		var served [sockets]map[string]int // datagrams by client
		for i, c := range cs {
			t.Cleanup(func() { c.Close() })
			require.Equal(t, portOf(cs[0]), portOf(c))
			served[i] = map[string]int{}
			reading.Go(func() {
				b := make([]byte, 64)
				n, a, err := c.ReadFrom(b)
				for ; err == nil; n, a, err = c.ReadFrom(b) {
					served[i][a.String()]++
					if _, err := cs[(i+1)%sockets].WriteTo(b[:n], a); err != nil {
						t.Errorf("write: %v", err)
					}
				}
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("read: %v", err)
				}
			})
		}
		for i := range clients {
			x, y := dialOnePort(t, cs[0], vips[0], vips[1])
			write(t, x, "x")
			write(t, y, "y")
			require.Equal(t, "x", read(t, x))
			require.Equal(t, "y", read(t, y))
			// Any of them knows that this remote wrote to two VIPs.
			_, err := cs[2].WriteToUDPAddrPort(nil, addrPortOf(x.LocalAddr()))
			require.NoError(t, err)
			require.EqualValues(t, i+1, cs[2].Stats().AmbiguousPath)
		}
		for _, c := range cs {
			require.NoError(t, c.Close())
		}
		reading.Wait()
		for _, by := range served {
			for client, n := range by {
				require.Equal(t, 2, n, "datagrams of %s", client)
			}
		}
	}
}

// TestK1_12_AdoptQueued: datagrams that were queued before the socket had IP_PKTINFO are
// answered from the right address, by every pair of methods.
func TestK1_12_AdoptQueued(t *testing.T) {
	needNetlink(t)
	for _, servers := range []map[string]pair{carrying, rebuilding} {
		onWildcards(t, servers, func(t *testing.T, w endpoint, server pair) {
			u, err := net.ListenPacket(w.network, w.address)
			require.NoError(t, err)
			x, y := dialVIP(t, u, vips[0]), dialVIP(t, u, vips[1])
			write(t, x, x.LocalAddr().String()+" x")
			write(t, y, y.LocalAddr().String()+" y")
			server.both(t, adopt(t, u.(*net.UDPConn)))
			require.Equal(t, x.LocalAddr().String()+" x", read(t, x))
			require.Equal(t, y.LocalAddr().String()+" y", read(t, y))
		})
	}
}

// TestAdoptConnected: a connected socket reads and writes as it did, also several datagrams at
// once, of which none goes to another address.
func TestAdoptConnected(t *testing.T) {
	server := listen(t, "udp", ":0")
	c := adopt(t, dialVIP(t, server, vips[0]))
	own, peer := addrPortOf(c.LocalAddr()), netip.AddrPortFrom(vips[0], portOf(server))
	p := dsrudp.Path{Local: own, Remote: peer}
	elsewhere := dsrudp.Path{Local: own, Remote: netip.AddrPortFrom(vips[1], peer.Port())}
	b := make([]byte, 16)
	for name, write := range map[string]func(s string) error{
		"Write":       func(s string) error { _, err := c.Write([]byte(s)); return err },
		"WriteMsgUDP": func(s string) error { _, _, err := c.WriteMsgUDP([]byte(s), nil, nil); return err },
		"WriteToPath": func(s string) error { _, err := c.WriteToPath([]byte(s), p); return err },
		"WritePackets": func(s string) error {
			n, err := c.WritePackets([]dsrudp.Packet{packet("bad", elsewhere), packet(s, p), packet("bad", elsewhere)})
			require.ErrorIs(t, err, net.ErrWriteToConnected)
			require.Equal(t, 1, n)
			return nil
		},
		"WriteBatch": func(s string) error {
			ms := []ipv4.Message{message(s, nil), message("bad", server.LocalAddr())}
			n, err := c.WriteBatch(ms, 0)
			require.Equal(t, 1, n)
			_, bad := c.WriteBatch(ms[n:], 0)
			require.ErrorIs(t, bad, net.ErrWriteToConnected)
			return err
		},
	} {
		require.NoError(t, write(name))
		n, got, err := server.ReadFromPath(b)
		require.NoError(t, err)
		require.Equal(t, name, string(b[:n]))
		require.Equal(t, dsrudp.Path{Local: peer, Remote: own}, got)
		for range 4 {
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
		ms := messages(1, 16)
		_, err = c.ReadBatch(ms, 0)
		require.NoError(t, err)
		require.Equal(t, name, string(ms[0].Buffers[0][:ms[0].N]))
		require.Equal(t, peer, addrPortOf(ms[0].Addr))
	}
	_, err := c.WriteToPath([]byte("bad"), elsewhere)
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

// TestPromise6_AddressesAreCopies: pion/turn edits what LocalAddr returns.
func TestPromise6_AddressesAreCopies(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.1:0")
	require.Nil(t, c.RemoteAddr())
	d := adopt(t, dial(t, vipPort0, addrPortOf(c.LocalAddr())))
	for _, addr := range []func() net.Addr{c.LocalAddr, d.LocalAddr, d.RemoteAddr} {
		a := addr().(*net.UDPAddr)
		want := a.String()
		a.IP[len(a.IP)-1]++
		a.Port++
		require.Equal(t, want, addr().String())
	}
}

// TestPromise6_NilConn: methods that net does not have return EINVAL, or nothing, as net's
// do, for a nil Conn and a zero one.
func TestPromise6_NilConn(t *testing.T) {
	for _, c := range []*dsrudp.Conn{nil, {}} {
		for name, read := range readers {
			require.Equal(t, syscall.EINVAL, read(c), name)
		}
		for name, write := range writers {
			require.Equal(t, syscall.EINVAL, write(c, nil, dsrudp.Path{}), name)
		}
		require.Zero(t, faults(c))
		_, ok := c.PathTo(vipPort)
		require.False(t, ok)
	}
}
