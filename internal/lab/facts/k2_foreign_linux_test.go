package facts_test

import (
	"net"
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// refusedByEachKind requires that no way of naming an address as the source makes a
// datagram leave any kind of Conn, and that the Conn is none the worse for it.
func (s *site) refusedByEachKind(t *testing.T, from netip.Addr) {
	t.Helper()
	s.eachKind(t, func(t *testing.T, c *dsrudp.Conn, vips []netip.Addr) {
		s.requireRefused(t, c, from, s.sink(t, client6), sends...)
		s.requireAnswered(t, c, byPath, s.dialAll(t, vips...)...)
	})
}

// refusedAndSpoofed requires of an address that a socket of package net cannot send
// from it, and with IPV6_FREEBIND does; and that no kind of Conn does.
func (s *site) refusedAndSpoofed(t *testing.T, from netip.Addr) {
	t.Helper()
	s.eachBare(t, networks6, func(t *testing.T, b *bare) {
		to := s.sink(t, client6)
		for _, oob := range [][]byte{source(from), source2292(from)} {
			payload, err := b.sendTo(to, oob)
			require.ErrorIs(t, err, unix.EINVAL)
			s.requireNotSent(t, payload)

			b.set(freebind)
			payload, err = b.sendTo(to, oob)
			require.NoError(t, err)
			s.requireSentFrom(t, payload, from.WithZone(""))
			b.set(freebindOff)
		}
	})
	s.refusedByEachKind(t, from)
}

// K2.5: IPV6_FREEBIND lets every address out as a source, which makes of a
// server a means to spoof. The library lets out those that are the host's.
func TestK2_5_ForeignSource(t *testing.T) {
	s := newCable(t)
	for name, a := range map[string]netip.Addr{
		"unknown":             foreign6,
		"the client's":        client6,
		"next to a VIP":       vips6[1].Next(),
		"next to the range":   netip.MustParseAddr("2001:db8:96::1:0:0"),
		"on the link, unused": netip.MustParseAddr("2001:db8:1::77"),
	} {
		t.Run(name, func(t *testing.T) { s.refusedAndSpoofed(t, a) })
	}
	t.Run("with an interface", func(t *testing.T) {
		s.refusedByEachKind(t, foreign6.WithZone(strconv.Itoa(index(t, s.server, dev))))
	})
}

// K2.6: a group as the source.
func TestK2_6_MulticastSource(t *testing.T) {
	s := newCable(t)
	for _, group := range []string{"ff0e::1234", "ff05::1234"} {
		t.Run(group, func(t *testing.T) { s.refusedAndSpoofed(t, netip.MustParseAddr(group)) })
	}
}

// K2.7: a link-local source that is not the host's on that link. The host has
// another link here, with an address of its own.
func TestK2_7_LinkLocalSource(t *testing.T) {
	s := newCable(t)
	require.NoError(t, lab.Connect(s.client, "eth1", s.server, "eth1"))
	zone := strconv.Itoa(index(t, s.server, dev))
	t.Run("nobody's", func(t *testing.T) { s.refusedAndSpoofed(t, netip.MustParseAddr("fe80::bad%"+zone)) })
	t.Run("of another link", func(t *testing.T) { s.refusedAndSpoofed(t, linkLocal(t, s.server, "eth1").WithZone(zone)) })
}

// A socket of another network namespace, adopted by a thread that may not enter
// it to ask which addresses are local: the guard must be the kernel's or none.
func TestPromise5_ForbiddenNamespace(t *testing.T) {
	s := newCable(t)
	vips := s.addToLoopback(t)
	adopt := func(options ...option) (u *net.UDPConn, c *dsrudp.Conn, err error) {
		u = s.listen(t, "udp6", netip.Addr{}, options...).UDPConn
		unprivileged(t, s.client, func() { c, err = dsrudp.NewConn(u) })
		return u, c, err
	}
	to := s.sink(t, client6)
	t.Run("plain", func(t *testing.T) {
		_, c, err := adopt()
		require.NoError(t, err)
		defer c.Close()
		for _, w := range ways {
			s.requireAnswered(t, c, w, s.dialAll(t, vips...)...)
		}
		for _, from := range []netip.Addr{foreign6, netip.MustParseAddr("ff0e::1234"), loopback6} {
			for _, w := range sends {
				never := unique("never to leave, by " + w.name)
				require.Error(t, w.send(c, never, from, to), "%v", from)
				s.requireNotSent(t, never)
			}
		}
	})
	t.Run("FREEBIND", func(t *testing.T) {
		u, _, err := adopt(freebind)
		require.ErrorContains(t, err, "IP_FREEBIND")
		_, err = u.WriteToUDPAddrPort([]byte("still the caller's"), to)
		require.NoError(t, err)
	})
}

// With IP_TRANSPARENT the kernel lets foreign sources out in both families, and
// the guard over both is the library's.
func TestPromise5_Transparent(t *testing.T) {
	s := newCable(t)
	eachFamily(t, "IP_TRANSPARENT", func(t *testing.T, f family, network string) {
		b, to := s.listen(t, network, netip.Addr{}, transparent), s.sink(t, f.a)
		payload, err := b.sendTo(to, source(f.foreign))
		require.NoError(t, err)
		s.requireSentFrom(t, payload, f.foreign)

		c := adopt(t, b.UDPConn)
		s.requireRefused(t, c, f.foreign, to, sends...)
		s.requireAnswered(t, c, byPath, s.dialAll(t, f.vips...)...)
	})
}

// A caller that sets IPV6_FREEBIND by itself may bind to what it likes. It
// does not thereby send from it.
func TestPromise5_FreebindOfCaller(t *testing.T) {
	s := newCable(t)
	lc := dsrudp.ListenConfig{Control: control(freebind)}
	for _, network := range networks6 {
		t.Run(network, func(t *testing.T) {
			c, to := s.conn(t, lc, network, foreign6), s.sink(t, client6)
			s.requireRefused(t, c, foreign6, to, remoteSends...)
			require.NoError(t, c.Close())
			c = s.conn(t, lc, network, netip.Addr{})
			s.requireRefused(t, c, foreign6, to, sends...)
			s.requireAnswered(t, c, byPath, s.dialAll(t, s.vips...)...)
		})
	}
}

// VIPs may be local only to what comes in by one interface: a rule with iif leads
// to the table that has their route. Asked without a datagram the kernel does
// not call them local, but a datagram received for one settles the matter, and is
// answered from it. Where nobody has written to, the address stays foreign. That a VIP is
// local is good for a while, and what is received for it later makes it good again.
func TestPromise5_Received(t *testing.T) {
	s := newCable(t)
	vip4, vip6 := netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("2001:db8:49::1")
	for _, p := range []netip.Prefix{netip.PrefixFrom(vip4, 24).Masked(), netip.PrefixFrom(vip6, 64).Masked()} {
		rule := netlink.NewRule()
		rule.IifName = dev
		s.addRule(t, p, rule)
		if routes, err := s.server.Netlink().RouteGet(p.Addr().Next().AsSlice()); err == nil {
			require.NotEqual(t, unix.RTN_LOCAL, routes[0].Type)
		}
	}
	to4, to6 := s.sink(t, client4), s.sink(t, client6)
	// foreign requires that an address for which nothing was received lately, nor for
	// its network, is no source.
	foreign := func(t *testing.T, c *dsrudp.Conn, from netip.Addr, to netip.AddrPort) {
		t.Helper()
		s.expireGuard(t)
		s.requireRefused(t, c, from, to, sends...)
	}
	s.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
		foreign(t, c, vip6.Next(), to6)
		for _, w := range ways {
			s.requireAnswered(t, c, w, s.dial(t, vip6), s.dial(t, vips6[0]), s.dial(t, vip6))
		}
	})
	for _, network := range networks4 {
		t.Run("dsrudp/IP_TRANSPARENT/"+network, func(t *testing.T) {
			// There the guard over IPv4 is the library's too.
			c := s.conn(t, dsrudp.ListenConfig{Control: control(transparent)}, network, netip.Addr{})
			foreign(t, c, vip4.Next(), to4)
			for _, w := range ways {
				s.requireAnswered(t, c, w, s.dial(t, vip4), s.dial(t, vips4[0]))
			}
		})
	}
	for _, tc := range []struct {
		network string
		vip     netip.Addr
		options []option
		to      netip.AddrPort
	}{{"udp", vip6, nil, to6}, {"udp4", vip4, []option{transparent}, to4}} {
		t.Run("dsrudp/again/"+tc.network, func(t *testing.T) {
			c := s.conn(t, dsrudp.ListenConfig{Control: control(tc.options...)}, tc.network, netip.Addr{})
			client := s.dial(t, tc.vip)
			serve(t, &dsrudp.Server{Handler: echo(t)}, c)
			for range 2 {
				requireAccepted(t, client, s.ask(t, client))
				s.expireGuard(t)
				s.requireRefused(t, c, tc.vip, tc.to, sends...)
			}
		})
	}
}
