package facts_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// freebindOrNot are a socket's options without and with IPV6_FREEBIND.
var freebindOrNot = map[string][]option{"plain": {pktinfo6}, "FREEBIND": {pktinfo6, freebind}}

// K2.1: what is received for a VIP names it, for a range as well.
func TestK2_1_ReceivedDestination(t *testing.T) {
	s := newCable(t)
	for name, options := range freebindOrNot {
		t.Run(name, func(t *testing.T) {
			s.eachBare(t, networks6, func(t *testing.T, b *bare) {
				for _, vip := range s.vips {
					require.Equal(t, &info6{vip, index(t, s.server, dev)}, b.asked(s.dial(t, vip)).v6)
				}
			}, options...)
		})
	}
	s.eachKind(t, func(t *testing.T, c *dsrudp.Conn, vips []netip.Addr) {
		for _, vip := range vips {
			client := s.dial(t, vip)
			want := dsrudp.Path{Local: server(vip), Remote: addrPort(client.LocalAddr())}
			require.Equal(t, want, s.path(t, c, client))
			s.ask(t, client)
			_, p, err := c.ReadFromPath(make([]byte, 2048))
			require.NoError(t, err)
			require.Equal(t, want, p)

			s.ask(t, client)
			_, addr, err := c.ReadFrom(make([]byte, 2048))
			require.NoError(t, err)
			p, ok := dsrudp.PathOf(addr)
			require.True(t, ok)
			require.Equal(t, want, p)
			p, ok = c.PathTo(want.Remote)
			require.True(t, ok)
			require.Equal(t, want, p)
		}
		require.Zero(t, c.Stats().LostPath)
	})
}

// K2.2: the kernel does not send from an address that is only a local route,
// unless the socket has IPV6_FREEBIND.
func TestK2_2_SendFromVIP(t *testing.T) {
	s := newCable(t)
	s.eachBare(t, networks6, func(t *testing.T, b *bare) {
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			r := b.asked(client)
			answer, err := b.tryAnswer(r, source(vip))
			require.ErrorIs(t, err, unix.EINVAL)
			s.requireNotSent(t, answer)
			// Nor is what the kernel chooses of any use.
			s.requireRejected(t, client, b.answer(r, nil), server6)

			b.set(freebind)
			requireAccepted(t, client, b.answer(r, source(vip)))
			b.set(freebindOff)
		}
	})
	s.eachKind(t, func(t *testing.T, c *dsrudp.Conn, vips []netip.Addr) {
		for _, w := range ways {
			s.requireAnswered(t, c, w, s.dialAll(t, vips...)...)
		}
		require.Zero(t, c.Stats().Refused)
	})
}

// One port of the client talks to two VIPs, both requests are received before
// either is answered, and the answers go out in reverse. Or it asks several times each,
// and all is received and answered as batches.
func TestPromise4_OnePortTwoVIPs(t *testing.T) {
	s := newCable(t)
	s.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
		for _, vips := range [][]netip.Addr{vips6, rangeVIPs, {vips6[1], rangeVIPs[1]}} {
			for _, w := range waysBut(byMemory) {
				s.requireAnswered(t, c, w, s.dialOnePort(t, vips...)...)
			}
		}
		// A call that is given only the remote cannot know which: it takes the
		// last one, and counts that.
		clients := s.dialOnePort(t, vips6...)
		round := s.receiveAll(t, c, byMemory, clients...)
		require.NoError(t, round.answers[0]("to the last"))
		requireAccepted(t, clients[1], "to the last")
		require.EqualValues(t, 1, c.Stats().AmbiguousPath)
	})
	for _, network := range networks6 {
		t.Run("dsrudp/batches/"+network, func(t *testing.T) {
			c, clients := s.wildcard(t, network), s.dialOnePort(t, s.vips...)
			if network == "udp" {
				clients = append(clients, s.dialOnePort(t, vips4...)...)
			}
			asked := slices.Repeat(clients, 4)
			for _, client := range asked {
				s.ask(t, client)
			}
			ps := readPackets(t, c, len(asked))
			for i, p := range ps {
				require.Equal(t, dsrudp.Path{Local: addrPort(asked[i].RemoteAddr()), Remote: addrPort(asked[i].LocalAddr())}, p.Path)
			}
			n, err := c.WritePackets(ps)
			require.NoError(t, err)
			require.Equal(t, len(ps), n)
			for i, p := range ps {
				requireAccepted(t, asked[i], string(p.Payload()))
			}
		})
	}
}

// Two thousand VIPs of one range, each with a client of its own, of which a
// hundred at a time ask before any is answered. Then the range is withdrawn,
// and none of them is a source any more.
func TestPromise4_ManyVIPs(t *testing.T) {
	const vips, atOnce = 2000, 100
	s := newCable(t)
	c := s.wildcard(t, "udp6")
	vip := vipRange.Addr()
	for i := range vips / atOnce {
		var clients []*net.UDPConn
		for range atOnce {
			// Addresses all over the range.
			b := vip.As16()
			b[12], b[15] = byte(i*7), b[15]+1
			vip = netip.AddrFrom16(b)
			local := netip.AddrPortFrom(client6, uint16(20000+i*atOnce+len(clients)))
			clients = append(clients, dial(t, s.client, local, server(vip)))
		}
		s.requireAnswered(t, c, ways[i%len(ways)], clients...)
		for _, client := range clients {
			require.NoError(t, client.Close())
		}
	}
	stats := c.Stats()
	require.Equal(t, vips, stats.PathEntries)
	require.Zero(t, stats.Refused+stats.LostPath+stats.UnknownPath+stats.AmbiguousPath+failures(c))

	to := s.sink(t, client6)
	s.requireSends(t, c, vip, to, sends...)
	s.withdraw(t, vipRange)
	s.requireRefused(t, c, vip, to, sends...)
}

// The address of all routers of a network is an anycast address of each of
// them (RFC 4291, section 2.6.1), and one to answer from.
func TestPromise5_AnycastSource(t *testing.T) {
	s := newCable(t)
	require.NoError(t, s.server.Sysctl("net.ipv6.conf.all.forwarding", "1"))
	anycast := net6.Addr()
	introduce(t, s.client, s.server, dev, anycast)
	routes, err := s.server.Netlink().RouteGet(anycast.AsSlice())
	require.NoError(t, err)
	require.Equal(t, unix.RTN_ANYCAST, routes[0].Type)

	for name, options := range freebindOrNot {
		t.Run(name, func(t *testing.T) {
			s.eachBare(t, networks6, func(t *testing.T, b *bare) {
				client := s.dial(t, anycast)
				r := b.asked(client)
				require.Equal(t, anycast, r.v6.addr)
				requireAccepted(t, client, b.answer(r, source(anycast)))
			}, options...)
		})
	}
	s.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
		// Also before anybody has written to it.
		s.requireSends(t, c, anycast, s.sink(t, client6), sends...)
		for _, w := range ways {
			s.requireAnswered(t, c, w, s.dial(t, anycast), s.dial(t, vips6[0]), s.dial(t, anycast))
		}
	})
	t.Run("dsrudp/bound", func(t *testing.T) {
		c := s.conn(t, dsrudp.ListenConfig{}, "udp6", anycast)
		for _, w := range ways {
			s.requireAnswered(t, c, w, s.dial(t, anycast))
		}
	})
}

// K2.2 behind balancers, with a route for each VIP and with one for all.
func TestK2_2_SendFromVIPBehindBalancer(t *testing.T) {
	for _, balancer := range balancers {
		for _, asRange := range []bool{false, true} {
			s, l := newSite(t, lab.Options{Balancer: balancer, V6Prefix: asRange})
			t.Run(fmt.Sprintf("%s/range %v", balancer, asRange), func(t *testing.T) {
				b, client := s.listen(t, "udp6", netip.Addr{}), s.dial(t, l.VIPs6[1])
				s.requireRejected(t, client, b.answer(b.asked(client), nil), s.own6)
				require.NoError(t, b.Close())
				s.eachWay(t, networks6, func(t *testing.T, c *dsrudp.Conn, w way) {
					s.requireAnswered(t, c, w, s.dialAll(t, l.VIPs6...)...)
				})
			})
		}
	}
}
