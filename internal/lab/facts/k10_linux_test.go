package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

// K10: the four repairs of Google's document, run for a client of one VIP, of
// two, and of the machine's own external address. The server of the first two is
// the naive one; dsrudp needs no repair and does all three.

// requireEcho has the client ask and the server answer plainly, and requires that the
// answer is accepted.
func (s *site) requireEcho(t *testing.T, b *bareServer, client *net.UDPConn) {
	t.Helper()
	s.ask(t, client)
	s.requireAccepted(t, client, b.answer(b.receive(), nil))
}

// requireStray is requireEcho for an answer that comes from src instead, and
// is rejected.
func (s *site) requireStray(t *testing.T, b *bareServer, client *net.UDPConn, src netip.Addr) {
	t.Helper()
	s.ask(t, client)
	s.requireRejected(t, client, b.answer(b.receive(), nil), src)
}

// requireEverywhere requires that dsrudp answers clients of both VIPs and of the
// external address at once, over sockets of both kinds and in every way.
func (s *site) requireEverywhere(t *testing.T) {
	t.Helper()
	s.eachDSR(t, func(t *testing.T, c *dsrudp.Conn, w dsrWay) {
		s.requireAnswered(t, c, w, append(s.dialAll(t), s.dial(t, s.own))...)
	})
}

// K10.1: DNAT does all of it, with a rule for each VIP. But it cannot let two
// flows have the same ends, and rewrites the client's port.
func TestK10_1_DNAT(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	internal := l.Backends[0].Internal4
	s.requireEverywhere(t)
	t.Run("bare", func(t *testing.T) {
		b := s.listen(t, "udp4", netip.Addr{})
		require.NoError(t, repair.DNAT(s.server, netip.AddrPortFrom(s.vips[0], lab.Port), internal))
		s.requireEcho(t, b, s.dial(t, s.vips[0]))
		s.requireEcho(t, b, s.dial(t, s.own))
		s.requireStray(t, b, s.dial(t, s.vips[1]), s.own)

		require.NoError(t, repair.DNAT(s.server, netip.AddrPortFrom(s.vips[1], lab.Port), internal))
		s.requireEcho(t, b, s.dial(t, s.vips[0]))
		s.requireEcho(t, b, s.dial(t, s.vips[1]))
		s.requireEcho(t, b, s.dial(t, s.own))

		for _, dsts := range [][]netip.Addr{s.vips, {s.own, s.vips[0]}} {
			clients := s.dialOnePort(t, dsts...)
			var requests []bareRequest
			for _, client := range clients {
				s.ask(t, client)
				requests = append(requests, b.receive())
			}
			port := siteAddr(clients[0].LocalAddr()).Port()
			require.Equal(t, port, requests[0].from.Port())
			require.NotEqual(t, port, requests[1].from.Port(), "the client's port as the server sees it")
			for i, client := range clients {
				s.requireAccepted(t, client, b.answer(requests[i], nil))
			}
		}
	})
	// A host that is repaired already takes dsrudp as well.
	t.Run("repaired", s.requireEverywhere)
}

// K10.2: a stateless rule cannot know which VIP a datagram answers. All answers
// get the first rule's, also those of the machine's own address.
func TestK10_2_Mangle(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	internal := l.Backends[0].Internal4
	s.requireEverywhere(t)
	t.Run("bare", func(t *testing.T) {
		b := s.listen(t, "udp4", netip.Addr{})
		require.NoError(t, repair.Mangle(s.server, netip.AddrPortFrom(internal, lab.Port), s.vips[0]))
		s.requireEcho(t, b, s.dial(t, s.vips[0]))
		require.NoError(t, repair.Mangle(s.server, netip.AddrPortFrom(internal, lab.Port), s.vips[1]))
		s.requireEcho(t, b, s.dial(t, s.vips[0]))
		s.requireStray(t, b, s.dial(t, s.vips[1]), s.vips[0])
		s.requireStray(t, b, s.dial(t, s.own), s.vips[0])
	})
	// A host that is repaired already takes dsrudp for its VIPs, all of them.
	t.Run("repaired", s.requireDSR)
}

// K10.3: a server that is bound to a VIP is not there for the other addresses.
func TestK10_3_BindToVIP(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	t.Run("bare", func(t *testing.T) {
		b := s.listen(t, "udp4", s.vips[0])
		s.requireEcho(t, b, s.dial(t, s.vips[0]))
		for _, dst := range []netip.Addr{s.vips[1], s.own} {
			client := s.dial(t, dst)
			s.ask(t, client)
			_, err := client.Read(make([]byte, 2048))
			require.ErrorIs(t, err, unix.ECONNREFUSED)
		}
		// One socket for each VIP.
		other := s.listen(t, "udp4", s.vips[1])
		s.requireEcho(t, other, s.dial(t, s.vips[1]))
		s.requireEcho(t, b, s.dial(t, s.vips[0]))
	})
	s.requireEverywhere(t)
}

// K10.4: control messages handed back as they came do all of it, where the way
// back is the way of the request (K1.4, K1.5).
func TestK10_4_ControlMessages(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	s.eachBare(t, func(t *testing.T, b *bareServer) {
		for _, clients := range [][]*net.UDPConn{
			append(s.dialAll(t), s.dial(t, s.own)),
			s.dialOnePort(t, append(s.vips, s.own)...),
		} {
			for _, client := range clients {
				s.ask(t, client)
				r := b.receive()
				require.Equal(t, siteAddr(client.LocalAddr()).Port(), r.from.Port())
				s.requireAccepted(t, client, b.answer(r, r.oob))
			}
		}
	}, barePktinfo4)
	s.requireEverywhere(t)
}
