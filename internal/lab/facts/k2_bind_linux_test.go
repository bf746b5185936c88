package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// K2.3: an address that is only a local route can be bound with IPV6_FREEBIND
// alone, and then any other can be bound too.
func TestK2_3_BindToVIP(t *testing.T) {
	s := newCable(t)
	mistyped := []netip.Addr{vips6[1].Next(), netip.MustParseAddr("2001:db8:97::1")}
	for _, network := range networks6 {
		t.Run("bare/"+network, func(t *testing.T) {
			for _, a := range append(s.vips[:len(s.vips):len(s.vips)], mistyped...) {
				_, err := s.tryListen(network, a)
				require.ErrorIs(t, err, unix.EADDRNOTAVAIL)
				c, err := s.tryListen(network, a, freebind)
				require.NoError(t, err)
				require.NoError(t, c.Close())
			}
		})
		t.Run("dsrudp/"+network, func(t *testing.T) {
			// One socket for each VIP, all on one port.
			var cs []*dsrudp.Conn
			for i, vip := range s.vips {
				cs = append(cs, s.conn(t, dsrudp.ListenConfig{}, network, vip))
				require.Equal(t, server(vip), addrPort(cs[i].LocalAddr()))
			}
			for i, client := range s.dialAll(t, s.vips...) {
				for _, w := range ways {
					s.requireAnswered(t, cs[i], w, client)
				}
			}
			for _, a := range mistyped {
				require.NoError(t, s.server.Do(func() error {
					laddr := net.UDPAddrFromAddrPort(server(a))
					_, err := dsrudp.ListenUDP(network, laddr)
					require.ErrorIs(t, err, unix.EADDRNOTAVAIL)
					_, want := net.ListenUDP(network, laddr)
					require.EqualError(t, err, want.Error())
					return nil
				}))
			}
		})
	}
}

// A socket bound with FreeBind before its VIP is there sends from it when it is,
// and not before, by no way of sending; the kernel would let it. As soon as the VIP is
// there it can be bound without FreeBind, though the guard has just found it not local.
func TestK2_3_FreeBindBeforeVIP(t *testing.T) {
	s := newCable(t)
	later := netip.MustParseAddr("2001:db8:52::1")
	to := s.sink(t, client6)
	b := s.listen(t, "udp6", later, freebind)
	payload, err := b.sendTo(to, nil)
	require.NoError(t, err)
	s.requireSentFrom(t, payload, later)
	require.NoError(t, b.Close())

	c := s.conn(t, dsrudp.ListenConfig{FreeBind: true, ReusePort: true}, "udp", later)
	s.requireRefused(t, c, later, to, remoteSends...)
	require.NoError(t, s.server.AddLocalRoute(single(later), dev))
	require.NoError(t, s.conn(t, dsrudp.ListenConfig{ReusePort: true}, "udp", later).Close())
	s.expireGuard(t)
	for _, w := range ways {
		s.requireAnswered(t, c, w, s.dial(t, later))
	}
	s.withdraw(t, single(later))
	s.requireRefused(t, c, later, to, remoteSends...)
}

// K2.4: an address of an interface, lo here, needs no option.
func TestK2_4_VIPOnLoopbackInterface(t *testing.T) {
	s := newCable(t)
	vips := s.addToLoopback(t)
	for name, options := range freebindOrNot {
		t.Run(name, func(t *testing.T) {
			s.eachBare(t, networks6, func(t *testing.T, b *bare) {
				for _, client := range s.dialAll(t, vips...) {
					r := b.asked(client)
					requireAccepted(t, client, b.answer(r, source(r.v6.addr)))
				}
			}, options...)
			t.Run("bare/bound", func(t *testing.T) {
				client := s.dial(t, vips[0])
				b := s.listen(t, "udp6", vips[0], options...)
				requireAccepted(t, client, b.answer(b.asked(client), nil))
			})
		})
	}
	s.eachWay(t, networks6, func(t *testing.T, c *dsrudp.Conn, w way) {
		s.requireAnswered(t, c, w, s.dialAll(t, vips...)...)
		require.NoError(t, c.Close())
		for i, client := range s.dialAll(t, vips...) {
			s.requireAnswered(t, s.conn(t, dsrudp.ListenConfig{}, "udp6", vips[i]), w, client)
		}
	})
}

// addToLoopback gives the server's interface lo two VIPs.
func (s *site) addToLoopback(t *testing.T) []netip.Addr {
	t.Helper()
	vips := []netip.Addr{netip.MustParseAddr("2001:db8:53::1"), netip.MustParseAddr("2001:db8:53::2")}
	for _, vip := range vips {
		require.NoError(t, s.server.AddAddr("lo", single(vip)))
	}
	return vips
}

var loopback6 = netip.IPv6Loopback()

// K2.8: the kernel lets ::1 out onto the wire as a source, which no host on it
// can answer (RFC 4291, section 2.5.3). A wildcard Conn does not.
func TestK2_8_LoopbackToRemotePeer(t *testing.T) {
	s := newCable(t)
	to := s.sink(t, client6)
	for name, options := range freebindOrNot {
		t.Run(name, func(t *testing.T) {
			s.eachBare(t, networks6, func(t *testing.T, b *bare) {
				payload, err := b.sendTo(to, source(loopback6))
				require.NoError(t, err)
				s.requireSentFrom(t, payload, loopback6)
			}, options...)
		})
	}
	t.Run("bare/bound", func(t *testing.T) {
		payload, err := s.listen(t, "udp6", loopback6).sendTo(to, nil)
		require.NoError(t, err)
		s.requireSentFrom(t, payload, loopback6)
	})
	s.refusedByEachKind(t, loopback6)
	// A socket that is bound to it sends what net's does.
	for _, k := range []kind{listening("udp6", loopback6), elsewhere("udp6", loopback6)} {
		t.Run("dsrudp/"+k.name, func(t *testing.T) { s.requireSends(t, k.open(t, s), loopback6, to, remoteSends...) })
	}
}

// On the host itself ::1 is a source like any other: for a client on ::1, on a
// global address of the host, and on a VIP.
func TestK2_8_LoopbackToLocalPeer(t *testing.T) {
	s := newCable(t)
	s.client = s.server
	s.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
		for _, w := range ways {
			s.requireAnswered(t, c, w, s.dialFrom(t, loopback6, loopback6), s.dialFrom(t, server6, loopback6), s.dial(t, vips6[0]))
		}
	})
	// To no address at all, which the kernel takes for the host itself.
	t.Run("bound, to the unspecified address", func(t *testing.T) {
		to := &net.UDPAddr{Port: lab.Port}
		b := s.listen(t, "udp6", loopback6)
		_, err := b.WriteToUDP([]byte("bare"), to)
		require.NoError(t, err)
		require.Equal(t, "bare", b.receive().payload)
		require.NoError(t, b.Close())

		c := s.conn(t, dsrudp.ListenConfig{}, "udp6", loopback6)
		_, err = c.WriteToUDP([]byte("dsrudp"), to)
		require.NoError(t, err)
		require.Equal(t, "dsrudp", string(readPackets(t, c, 1)[0].Payload()))
	})
}

// K2.9: an IPv4 source cannot go to an IPv6 peer, in whatever form. (The kernel
// ignores it in silence in an IPv4 message: K3.4.)
func TestK2_9_MappedSourceToV6Peer(t *testing.T) {
	s := newCable(t)
	from, to := mapped(vips4[0]), s.sink(t, client6)
	s.eachBare(t, networks6, func(t *testing.T, b *bare) {
		first, err := b.sendTo(to, source(from))
		require.ErrorIs(t, err, unix.EINVAL)
		b.set(freebind)
		second, err := b.sendTo(to, source(from))
		require.ErrorIs(t, err, unix.EAFNOSUPPORT)
		s.requireNotSent(t, first, second)
	})
	s.refusedByEachKind(t, from)
}
