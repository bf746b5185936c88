package dsrudp_test

import (
	"errors"
	"net"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestListenErrors: what net refuses is refused, with net's error.
func TestListenErrors(t *testing.T) {
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
		{"tcp", "127.0.0.1:0"},
		{"unixgram", "/nowhere"},
		{"", "127.0.0.1:0"},
	} {
		c, got := dsrudp.ListenPacket(tc.network, tc.address)
		require.Nil(t, c)
		if tc.network == "tcp" || tc.network == "unixgram" || tc.network == "" {
			var unknown net.UnknownNetworkError
			require.ErrorAs(t, got, &unknown, "%v", tc)
			continue
		}
		_, want := net.ListenPacket(tc.network, tc.address)
		require.EqualError(t, got, want.Error(), "%v", tc)
		requireSameError(t, want, got)
	}
	mistyped := &net.UDPAddr{IP: net.ParseIP("2001:db8::77")}
	_, got := dsrudp.ListenUDP("udp6", mistyped)
	_, want := net.ListenUDP("udp6", mistyped)
	requireSameError(t, want, got)
	_, got = dsrudp.ListenUDP("tcp", nil)
	_, want = net.ListenUDP("tcp", nil)
	require.EqualError(t, got, want.Error())
	_, err := new(dsrudp.ListenConfig).ListenN(t.Context(), "udp", ":0", 0)
	require.ErrorContains(t, err, "at least 1")
}

// TestListenUDP: the addresses that ListenUDP takes are net's.
func TestListenUDP(t *testing.T) {
	for _, laddr := range []*net.UDPAddr{nil, {}, {IP: net.IPv4zero}, {IP: net.IPv6unspecified}, {IP: net.IPv4(127, 0, 0, 2)}, {IP: net.IPv6loopback}} {
		want, err := net.ListenUDP("udp", laddr)
		require.NoError(t, err)
		c, err := dsrudp.ListenUDP("udp", laddr)
		require.NoError(t, err)
		require.True(t, want.LocalAddr().(*net.UDPAddr).IP.Equal(c.LocalAddr().(*net.UDPAddr).IP), "%v", laddr)
		require.NotZero(t, portOf(c))
		require.NoError(t, want.Close())
		require.NoError(t, c.Close())
	}
}

// TestListenConfig: Control is called before the library's own options are set,
// and its error is net's; buffers and options reach the socket.
func TestListenConfig(t *testing.T) {
	called := 0
	lc := &dsrudp.ListenConfig{
		Control: func(network, address string, rc syscall.RawConn) error {
			called++
			require.Equal(t, "udp4", network)
			require.NotNil(t, rc)
			return nil
		},
		ReadBuffer: 1 << 15, WriteBuffer: 1 << 14,
	}
	listenWith(t, lc, "udp4", "127.0.0.1:0")
	require.Equal(t, 1, called)

	boom := errors.New("boom")
	lc.Control = func(string, string, syscall.RawConn) error { return boom }
	_, err := lc.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	require.ErrorIs(t, err, boom)
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "listen", op.Op)
}

// TestReusePortZero: with port 0 no socket may land on another's port.
func TestReusePortZero(t *testing.T) {
	lc := &dsrudp.ListenConfig{ReusePort: true}
	seen := map[uint16]bool{}
	for range 50 {
		c := listenWith(t, lc, "udp4", "127.0.0.1:0")
		require.False(t, seen[portOf(c)], "two sockets that asked for a port of their own share %d", portOf(c))
		seen[portOf(c)] = true
	}
	// And it can be shared on purpose.
	c := listenWith(t, lc, "udp4", "127.0.0.1:0")
	listenWith(t, lc, "udp4", c.LocalAddr().String())
}

// TestListenN (K4.2): a group shares one port, each client is served by one
// socket for every VIP, and what one socket knows of paths the others know.
func TestListenN(t *testing.T) {
	const sockets, clients = 3, 24
	for _, w := range wildcards {
		cs, err := new(dsrudp.ListenConfig).ListenN(t.Context(), w.network, w.address, sockets)
		require.NoError(t, err)
		require.Len(t, cs, sockets)

		type got struct {
			by   int
			from net.Addr
			b    string
		}
		var wg sync.WaitGroup
		received := make(chan got, 2*clients)
		for i, c := range cs {
			require.Equal(t, portOf(cs[0]), portOf(c))
			wg.Go(func() {
				for {
					b := make([]byte, 64)
					n, a, err := c.ReadFrom(b)
					if err != nil {
						if !errors.Is(err, net.ErrClosed) {
							t.Errorf("read: %v", err)
						}
						return
					}
					received <- got{i, a, string(b[:n])}
				}
			})
		}
		by := map[string]map[int]bool{}
		for range clients {
			x, y := dialOnePort(t, cs[0], vips[0], vips[1])
			write(t, x, "x")
			write(t, y, "y")
			var from [2]got
			for i := range from {
				select {
				case from[i] = <-received:
				case <-time.After(patience):
					t.Fatal("nothing received")
				}
			}
			for _, g := range from {
				key := strconv.Itoa(g.from.(*net.UDPAddr).Port)
				if by[key] == nil {
					by[key] = map[int]bool{}
				}
				by[key][g.by] = true
				// Any socket of the group may answer.
				_, err := cs[(g.by+1)%sockets].WriteTo([]byte(g.b), g.from)
				require.NoError(t, err)
			}
			require.Equal(t, "x", read(t, x))
			require.Equal(t, "y", read(t, y))
			// The memory is common too: it knows that this remote has two.
			ap := from[0].from.(*net.UDPAddr).AddrPort()
			before := cs[2].Stats().AmbiguousPath
			_, err := cs[2].WriteToUDPAddrPort(nil, ap)
			require.NoError(t, err)
			require.Equal(t, before+1, cs[2].Stats().AmbiguousPath)
		}
		for port, sockets := range by {
			require.Len(t, sockets, 1, "port %s is served by one socket", port)
		}
		for _, c := range cs {
			require.NoError(t, c.Close())
		}
		wg.Wait()
	}
}
