package dsrudp_test

import (
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// ahead are the ways to listen by which datagrams are taken several at a time
// for calls that read one.
var ahead = map[string]dsrudp.ListenConfig{
	"ReadAhead":      {ReadAhead: 32},
	"a short one":    {ReadAhead: 2},
	"CoalesceWrites": {CoalesceWrites: true},
}

// TestReadAheadTwoVIPs: servers written against net work on such Conns as on
// others.
func TestReadAheadTwoVIPs(t *testing.T) {
	for how, lc := range ahead {
		for _, w := range wildcards {
			for _, servers := range []map[string]netServer{carrying, rebuilding} {
				for name, serve := range servers {
					t.Run(how+"/"+w.network+w.address+"/"+name, func(t *testing.T) {
						c := listenWith(t, &lc, w.network, w.address)
						x, y := dialVIP(t, c, vips[0]), dialVIP(t, c, vips[1])
						ask(t, c, serve, x, y)
						s := c.Stats()
						s.PathEntries, s.PathBytes = 0, 0
						require.Zero(t, s, "all was told and nothing lost")
					})
				}
			}
			for name, serve := range carrying {
				t.Run(how+"/one port/"+w.network+w.address+"/"+name, func(t *testing.T) {
					c := listenWith(t, &lc, w.network, w.address)
					x, y := dialOnePort(t, c, vips[0], vips[1])
					ask(t, c, serve, x, y)
				})
			}
		}
	}
}

// TestReadAheadOrder: datagrams come in order, each with its length and Path,
// however many there are and whichever method takes them.
func TestReadAheadOrder(t *testing.T) {
	const count = 100
	for how, lc := range ahead {
		t.Run(how, func(t *testing.T) {
			c := listenWith(t, &lc, "udp", ":0")
			clients := []*net.UDPConn{dialVIP(t, c, vips[0]), dialVIP(t, c, vips[1])}
			for i := range count {
				write(t, clients[i%2], strconv.Itoa(i))
			}
			b := make([]byte, 64)
			for i := range count {
				var n int
				var a net.Addr
				var p dsrudp.Path
				var err error
				switch i % 5 {
				case 0:
					n, a, err = c.ReadFrom(b)
				case 1:
					n, p, err = c.ReadFromPath(b)
				case 2:
					n, _, _, a, err = c.ReadMsgUDP(b, nil)
				case 3:
					n, a, err = c.ReadFromUDP(b)
				case 4:
					n, err = c.Read(b)
				}
				require.NoError(t, err)
				require.Equal(t, strconv.Itoa(i), string(b[:n]))
				want := pathFrom(c, vips[i%2], clients[i%2])
				if a != nil {
					p, _ = dsrudp.PathOf(a)
				}
				if i%5 != 4 {
					require.Equal(t, want, p)
				}
			}
		})
	}
}

// TestReadAheadTruncated: the buffer is the caller's, not the one behind the
// scenes.
func TestReadAheadTruncated(t *testing.T) {
	c := listenWith(t, &dsrudp.ListenConfig{ReadAhead: 8}, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	for _, s := range []string{"longer", "longer", "four", "", "1"} {
		write(t, x, s)
	}
	b := make([]byte, 4)
	n, p, err := c.ReadFromPath(b)
	require.ErrorIs(t, err, dsrudp.ErrTruncated)
	require.Equal(t, "long", string(b[:n]))
	require.Equal(t, pathFrom(c, vips[0], x), p)
	n, _, err = c.ReadFrom(b)
	require.NoError(t, err, "net says nothing of it")
	require.Equal(t, "long", string(b[:n]))
	for _, want := range []string{"four", ""} {
		n, _, err = c.ReadFromPath(b)
		require.NoError(t, err)
		require.Equal(t, want, string(b[:n]))
	}
	require.EqualValues(t, 2, c.Stats().Truncated)
	_, _, err = c.ReadFromPath(nil)
	require.ErrorIs(t, err, dsrudp.ErrTruncated)
	require.EqualValues(t, 3, c.Stats().Truncated)
}

// TestReadAheadManyGoroutines: readers share what was taken, each datagram is one
// reader's, and every client gets its own answers.
func TestReadAheadManyGoroutines(t *testing.T) {
	const clients, rounds = 8, 50
	for how, lc := range ahead {
		t.Run(how, func(t *testing.T) {
			c := listenWith(t, &lc, "udp", ":0")
			var servers sync.WaitGroup
			for range 4 {
				servers.Go(func() {
					b := make([]byte, 64)
					for {
						n, a, err := c.ReadFrom(b)
						if errors.Is(err, net.ErrClosed) {
							return
						}
						if err == nil {
							_, err = c.WriteTo(b[:n], a)
						}
						if err != nil && !errors.Is(err, net.ErrClosed) {
							t.Errorf("echo: %v", err)
							return
						}
					}
				})
			}
			askAll(t, c, clients, rounds)
			require.NoError(t, c.Close())
			servers.Wait()
		})
	}
}
