package dsrudp_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// What datagrams to a local address have in common is remembered, and so is what
// makes an answer leave from it, for some local addresses. With more of them than
// that, they get into each other's way.

// manyVIPs are far more than are remembered, and than there are datagrams in a
// batch.
func manyVIPs(n int) (all []netip.Addr) {
	for i := range n {
		all = append(all, netip.AddrFrom4([4]byte{127, 7, byte(i >> 6), byte(1 + i*3)}))
	}
	return all
}

// dialMany returns a Conn that n requests at once fit into, and a client of each of
// so many VIPs.
func dialMany(t *testing.T, network string, n int) (c *dsrudp.Conn, clients []*net.UDPConn) {
	t.Helper()
	c = listenWith(t, &dsrudp.ListenConfig{ReadBuffer: 1 << 20}, network, ":0")
	for _, vip := range manyVIPs(n) {
		clients = append(clients, dialVIP(t, c, vip))
	}
	return c, clients
}

// TestServerManyVIPs: requests to very many VIPs, in changing order and more of
// them than a batch at once, are each answered from their own.
func TestServerManyVIPs(t *testing.T) {
	const n, rounds = 199, 4 // n is prime
	for _, network := range []string{"udp4", "udp"} {
		t.Run(network, func(t *testing.T) {
			c, clients := dialMany(t, network, n)
			ask := func(round int) {
				for i := range clients {
					x := clients[i*(2*round+1)%n]
					write(t, x, fmt.Sprint(round, " to ", x.RemoteAddr()))
				}
			}
			ask(0)
			serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				assert.Equal(t, string(p.Payload()[len("0 to "):]), p.Path.Local.String())
				_, err := w.Write(p.Payload())
				assert.NoError(t, err)
			})}, c)
			for round := range rounds {
				for _, x := range clients {
					require.Equal(t, fmt.Sprint(round, " to ", x.RemoteAddr()), read(t, x))
				}
				if round+1 < rounds {
					ask(round + 1)
				}
			}
			require.Zero(t, c.Stats().Refused)
		})
	}
}

// TestPacketsManyVIPs: the same with ReadPackets and WritePackets.
func TestPacketsManyVIPs(t *testing.T) {
	const n = 200
	for _, network := range []string{"udp4", "udp"} {
		t.Run(network, func(t *testing.T) {
			c, clients := dialMany(t, network, n)
			for range 2 {
				enqueue(t, 1, clients...)
				ps := readAll(t, c, n)
				for i, x := range clients {
					require.Equal(t, dsrudp.Path{Local: addrPortOf(x.RemoteAddr()), Remote: addrPortOf(x.LocalAddr())}, ps[i].Path)
				}
				sent, err := c.WritePackets(ps)
				require.NoError(t, err)
				require.Equal(t, n, sent)
				requireEchoes(t, 1, clients...)
			}
		})
	}
}

// TestPacketsLastVIP: of one client port's datagrams in a batch, to two VIPs, the
// last decides where an answer to its bare address comes from, whichever VIPs
// they are.
func TestPacketsLastVIP(t *testing.T) {
	for _, network := range []string{"udp4", "udp"} {
		for _, vip := range manyVIPs(100) {
			t.Run(fmt.Sprint(network, "/", vip), func(t *testing.T) {
				c := listen(t, network, ":0")
				x, y := dialOnePort(t, c, vips[0], vip)
				remote := addrPortOf(x.LocalAddr())
				for _, last := range []*net.UDPConn{y, x} {
					for _, client := range []*net.UDPConn{x, y, x, y} {
						write(t, client, "request")
					}
					write(t, last, "the last")
					ps := readAll(t, c, 5)
					require.Equal(t, addrPortOf(last.RemoteAddr()), ps[4].Path.Local)
					require.Equal(t, addrPortOf(x.RemoteAddr()), ps[2].Path.Local)
					require.Equal(t, addrPortOf(y.RemoteAddr()), ps[3].Path.Local)
					_, err := c.WriteToUDPAddrPort([]byte("answer"), remote)
					require.NoError(t, err)
					require.Equal(t, "answer", read(t, last))
				}
			})
		}
	}
}

// TestPacketsGroupBetween: the same with a datagram to a group in the middle.
func TestPacketsGroupBetween(t *testing.T) {
	c := listen(t, "udp4", ":0")
	x, y := dialOnePort(t, c, vips[0], netip.MustParseAddr("127.255.255.255"))
	for _, client := range []*net.UDPConn{x, y, x} {
		write(t, client, "request")
	}
	readAll(t, c, 3)
	_, err := c.WriteToUDPAddrPort([]byte("answer"), addrPortOf(x.LocalAddr()))
	require.NoError(t, err)
	require.Equal(t, "answer", read(t, x))
}

// TestPacketsBetweenGroups: and with one to a VIP between two to a group.
func TestPacketsBetweenGroups(t *testing.T) {
	c := listen(t, "udp4", ":0")
	x, y := dialOnePort(t, c, vips[0], netip.MustParseAddr("127.255.255.255"))
	for range 2 { // the VIP is new to the receiver, then known
		for _, client := range []*net.UDPConn{y, x, y} {
			write(t, client, "request")
		}
		readAll(t, c, 3)
		p, ok := c.PathTo(addrPortOf(x.LocalAddr()))
		require.True(t, ok)
		require.Equal(t, netip.MustParseAddr("127.0.0.1"), p.Local.Addr())
	}
}

// TestPacketsKnownPeers: datagrams of several clients to one VIP have what each
// came with, its length too, and a bare address is enough to answer each.
func TestPacketsKnownPeers(t *testing.T) {
	for _, network := range []string{"udp4", "udp"} {
		t.Run(network, func(t *testing.T) {
			c := listen(t, network, ":0")
			x, y := dialVIP(t, c, vips[0]), dialVIP(t, c, vips[0])
			requests := []struct {
				client    *net.UDPConn
				payload   string
				truncated bool
			}{{x, "1", false}, {x, "one, longer", false}, {x, bytesOf(0, 100), true}, {y, bytesOf(1, 100), true}, {y, "2", false}, {x, "", false}}
			for _, r := range requests {
				write(t, r.client, r.payload)
			}
			var ps []dsrudp.Packet
			for len(ps) < len(requests) {
				more := packets(len(requests)-len(ps), 64)
				n, err := c.ReadPackets(more)
				require.NoError(t, err)
				ps = append(ps, more[:n]...)
			}
			for i, r := range requests {
				require.Equal(t, addrPortOf(r.client.LocalAddr()), ps[i].Path.Remote)
				require.Equal(t, addrPortOf(r.client.RemoteAddr()), ps[i].Path.Local)
				require.Equal(t, r.payload[:min(64, len(r.payload))], string(ps[i].Payload()))
				require.Equal(t, r.truncated, ps[i].Truncated)
			}
			for _, client := range []*net.UDPConn{x, y} {
				_, err := c.WriteToUDPAddrPort([]byte("answer"), addrPortOf(client.LocalAddr()))
				require.NoError(t, err)
				require.Equal(t, "answer", read(t, client))
			}
			require.EqualValues(t, 2, c.Stats().Truncated)
			require.Equal(t, 2, c.Stats().PathEntries)
		})
	}
}
