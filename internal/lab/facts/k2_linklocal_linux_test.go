package facts_test

import (
	"net"
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// K2.7: a good link-local source needs the index of its interface beside it.
func TestK2_7_LinkLocalSourceNeedsIndex(t *testing.T) {
	s := newCable(t)
	from := linkLocal(t, s.server, dev)
	scoped := from.WithZone(strconv.Itoa(index(t, s.server, dev)))
	to := s.sink(t, client6)
	for name, options := range freebindOrNot {
		t.Run(name, func(t *testing.T) {
			s.eachBare(t, networks6, func(t *testing.T, b *bare) {
				never, err := b.sendTo(to, source(from))
				require.ErrorIs(t, err, unix.EINVAL)
				payload, err := b.sendTo(to, source(scoped))
				require.NoError(t, err)
				s.requireSentFrom(t, payload, from)
				s.requireNotSent(t, never)
			}, options...)
		})
	}
	s.eachKind(t, func(t *testing.T, c *dsrudp.Conn, _ []netip.Addr) {
		// The address is local, but to which link is not said.
		for _, w := range sends {
			never := unique("no index")
			require.ErrorIs(t, w.send(c, never, from, to), dsrudp.ErrNotLocal, w.name)
			s.requireNotSent(t, never)
		}
		require.EqualValues(t, len(sends), c.Stats().Refused)
		s.requireSends(t, c, scoped, to, sends...)
	})
}

// Two links on which all addresses are the same, and the client's port too:
// only the zones distinguish the peers.
func TestK2_7_LinkLocalPeers(t *testing.T) {
	s := newCable(t)
	devs := []string{dev, "eth1"}
	require.NoError(t, lab.Connect(s.client, devs[1], s.server, devs[1]))
	at, from := netip.MustParseAddr("fe80::51"), netip.MustParseAddr("fe80::52")
	for _, dev := range devs {
		require.NoError(t, s.server.AddAddr(dev, netip.PrefixFrom(at, 64)))
		require.NoError(t, s.client.AddAddr(dev, netip.PrefixFrom(from, 64)))
		introduce(t, s.client, s.server, dev, at)
		introduce(t, s.server, s.client, dev, from)
	}
	wires := []*lab.Capture{s.wire, labtest.Capture(t, s.server, devs[1])}
	const port = 40000
	dialBoth := func(t *testing.T) (cs []*net.UDPConn) {
		for _, dev := range devs {
			zone := strconv.Itoa(index(t, s.client, dev))
			cs = append(cs, dial(t, s.client, netip.AddrPortFrom(from.WithZone(zone), port), server(at.WithZone(zone))))
		}
		return cs
	}
	s.eachBare(t, networks6, func(t *testing.T, b *bare) {
		for i, client := range dialBoth(t) {
			r := b.asked(client)
			require.Equal(t, &info6{at, index(t, s.server, devs[i])}, r.v6)
			requireAccepted(t, client, b.answer(r, r.oob))
		}
	}, pktinfo6)
	s.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
		clients := dialBoth(t)
		for i, client := range clients {
			want := dsrudp.Path{
				Local:  server(at.WithZone(devs[i])),
				Remote: netip.AddrPortFrom(from.WithZone(devs[i]), port),
			}
			// Remembered from a batch,
			require.Equal(t, want, s.path(t, c, client))
			p, ok := c.PathTo(want.Remote)
			require.True(t, ok)
			require.Equal(t, want, p)
			// and returned with one datagram.
			s.ask(t, client)
			_, p, err := c.ReadFromPath(make([]byte, 2048))
			require.NoError(t, err)
			require.Equal(t, want, p)

			// A global source to a link-local peer.
			payload := unique("from a VIP")
			_, err = c.WriteToPath([]byte(payload), dsrudp.Path{Local: server(vips6[0]), Remote: p.Remote})
			require.NoError(t, err)
			require.Equal(t, vips6[0], waitSent(t, wires[i], payload).Src.Addr())
		}
		for _, w := range ways {
			s.requireAnswered(t, c, w, append(clients, s.dial(t, vips6[0]), s.dial(t, rangeVIPs[0]))...)
		}
		require.Zero(t, c.Stats().AmbiguousPath)
	})
	for i, dev := range devs {
		t.Run("dsrudp/bound to "+dev, func(t *testing.T) {
			zone := strconv.Itoa(index(t, s.server, dev))
			c, clients := s.conn(t, dsrudp.ListenConfig{}, "udp6", at.WithZone(zone)), dialBoth(t)
			for _, w := range ways {
				s.requireAnswered(t, c, w, clients[i])
			}
			// As net's, it may send to the other link, which has its address too.
			other := netip.AddrPortFrom(from.WithZone(devs[1-i]), port)
			for _, w := range append(remoteSends[:len(remoteSends):len(remoteSends)], sends[len(sends)-1]) {
				payload := unique("to the other link by " + w.name)
				require.NoError(t, w.send(c, payload, netip.IPv6Unspecified(), other), w.name)
				require.Equal(t, at, waitSent(t, wires[1-i], payload).Src.Addr())
			}
		})
	}
}

// The zones of addresses are names of the namespace that the socket is in,
// whichever thread asks. This one's knows no such interface, so that package net
// shows, and takes, nothing but its number.
func TestK13_ZonesElsewhere(t *testing.T) {
	s := newCable(t)
	const dev = "elsewhere0"
	_, err := net.InterfaceByName(dev)
	require.Error(t, err)
	require.NoError(t, lab.Connect(s.client, "eth1", s.server, dev))
	number := strconv.Itoa(index(t, s.server, dev))
	at, from := linkLocal(t, s.server, dev), linkLocal(t, s.client, "eth1")
	dialZone := func(t *testing.T) *net.UDPConn {
		return dial(t, s.client, netip.AddrPort{}, server(at.WithZone(strconv.Itoa(index(t, s.client, "eth1")))))
	}
	t.Run("bare", func(t *testing.T) {
		b := s.listen(t, "udp6", netip.Addr{})
		require.Equal(t, number, b.asked(dialZone(t)).from.Addr().Zone())
	})
	s.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
		client := dialZone(t)
		s.ask(t, client)
		_, addr, err := c.ReadFrom(make([]byte, 2048))
		require.NoError(t, err)
		require.Equal(t, dev, addr.(*net.UDPAddr).Zone)
		p, ok := dsrudp.PathOf(addr)
		require.True(t, ok)
		require.Equal(t, server(at.WithZone(dev)), p.Local)
		s.ask(t, client)
		_, remote, err := c.ReadFromUDPAddrPort(make([]byte, 2048))
		require.NoError(t, err)
		require.Equal(t, netip.AddrPortFrom(from.WithZone(dev), addrPort(client.LocalAddr()).Port()), remote)

		// Made from strings, with the name or the number.
		for _, zone := range []string{dev, number} {
			to := netip.AddrPortFrom(from.WithZone(zone), remote.Port())
			rebuilt, err := net.ResolveUDPAddr("udp6", to.String())
			require.NoError(t, err)
			_, err = c.WriteTo([]byte("to "+zone), rebuilt)
			require.NoError(t, err)
			requireAccepted(t, client, "to "+zone)
			for _, w := range []sendWay{remoteSends[0], sends[0]} {
				require.NoError(t, w.send(c, w.name, at.WithZone(zone), to))
				requireAccepted(t, client, w.name)
			}
		}
		require.Zero(t, c.Stats().UnknownPath)
	})
}

// The zone of a renamed interface is its new name within a second. The test asks until it
// is, for less time than a minute.
func TestT11_Renamed(t *testing.T) {
	s := newCable(t)
	const renamed = "renamed0"
	require.NoError(t, lab.Connect(s.client, dev2, s.server, dev2))
	at := linkLocal(t, s.server, dev2)
	client := dial(t, s.client, netip.AddrPort{}, server(at.WithZone(strconv.Itoa(index(t, s.client, dev2)))))
	c := s.wildcard(t, "udp6")
	require.Equal(t, server(at.WithZone(dev2)), s.path(t, c, client).Local)

	link, err := s.server.Link(dev2)
	require.NoError(t, err)
	nl := s.server.Netlink()
	require.NoError(t, nl.LinkSetDown(link))
	require.NoError(t, nl.LinkSetName(link, renamed))
	require.NoError(t, s.server.Up(renamed))
	require.NoError(t, s.client.Up(dev2))
	require.Equal(t, at, linkLocal(t, s.server, renamed))
	var p dsrudp.Path
	soon(t, "the new name", func() bool {
		p = s.path(t, c, client)
		return p.Local == server(at.WithZone(renamed)) && p.Remote.Addr().Zone() == renamed
	})
	remembered, ok := c.PathTo(p.Remote)
	require.True(t, ok)
	require.Equal(t, p, remembered)
}
