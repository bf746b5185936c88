package facts_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

// K10: the four repairs of Google's document, run for a client of one VIP, of
// two, and of the machine's own external address. The server of the first two is
// the naive one; dsrudp needs no repair and does all three.

// requireEcho has the client ask and the server answer plainly, and requires that the
// answer is accepted.
func requireEcho(t *testing.T, b *bare, client *net.UDPConn) {
	t.Helper()
	requireAccepted(t, client, b.answer(b.asked(client), nil))
}

// requireStray is requireEcho for an answer that comes from src instead, and
// is rejected.
func requireStray(t *testing.T, b *bare, client *net.UDPConn, src netip.Addr) {
	t.Helper()
	b.s.requireRejected(t, client, b.answer(b.asked(client), nil), src)
}

// K10.1: DNAT does all of it, with a rule for each VIP. But it cannot let two
// flows have the same ends, and rewrites the client's port. A host that is repaired
// already takes dsrudp as well.
func TestK10_1_DNAT(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	t.Run("bare", func(t *testing.T) {
		b := s.listen(t, "udp4", netip.Addr{})
		require.NoError(t, repair.DNAT(s.server, server(s.vips[0]), l.Backends[0].Internal4))
		requireEcho(t, b, s.dial(t, s.vips[0]))
		requireEcho(t, b, s.dial(t, s.own))
		requireStray(t, b, s.dial(t, s.vips[1]), s.own)

		require.NoError(t, repair.DNAT(s.server, server(s.vips[1]), l.Backends[0].Internal4))
		for _, client := range s.dialAll(t, append(s.vips, s.own)...) {
			requireEcho(t, b, client)
		}
		for _, dsts := range [][]netip.Addr{s.vips, {s.own, s.vips[0]}} {
			clients := s.dialOnePort(t, dsts...)
			var requests []bareRequest
			for _, client := range clients {
				requests = append(requests, b.asked(client))
			}
			port := addrPort(clients[0].LocalAddr()).Port()
			require.Equal(t, port, requests[0].from.Port())
			require.NotEqual(t, port, requests[1].from.Port(), "the client's port as the server sees it")
			for i, client := range clients {
				requireAccepted(t, client, b.answer(requests[i], nil))
			}
		}
	})
	s.requireDSR(t, append(s.vips, s.own)...)
}

// K10.2: a stateless rule cannot know which VIP a datagram answers. All answers
// get the first rule's, also those of the machine's own address. A host that is repaired
// already takes dsrudp for its VIPs, all of them.
func TestK10_2_Mangle(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	t.Run("bare", func(t *testing.T) {
		b := s.listen(t, "udp4", netip.Addr{})
		for _, vip := range s.vips {
			require.NoError(t, repair.Mangle(s.server, server(l.Backends[0].Internal4), vip))
			requireEcho(t, b, s.dial(t, s.vips[0]))
		}
		requireStray(t, b, s.dial(t, s.vips[1]), s.vips[0])
		requireStray(t, b, s.dial(t, s.own), s.vips[0])
	})
	s.requireDSR(t, s.vips...)
}

// K10.3: a server that is bound to a VIP is not there for the other addresses.
func TestK10_3_BindToVIP(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	b := s.listen(t, "udp4", s.vips[0])
	requireEcho(t, b, s.dial(t, s.vips[0]))
	for _, client := range s.dialAll(t, s.vips[1], s.own) {
		s.ask(t, client)
		_, err := client.Read(make([]byte, 2048))
		require.ErrorIs(t, err, unix.ECONNREFUSED)
	}
	// One socket for each VIP.
	other := s.listen(t, "udp4", s.vips[1])
	requireEcho(t, other, s.dial(t, s.vips[1]))
	requireEcho(t, b, s.dial(t, s.vips[0]))
}

// K10.4: control messages handed back as they came do all of it, where the way
// back is the way of the request (K1.4, K1.5).
func TestK10_4_ControlMessages(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	s.eachBare(t, networks4, func(t *testing.T, b *bare) {
		all := append(s.vips[:2:2], s.own)
		for _, client := range append(s.dialAll(t, all...), s.dialOnePort(t, all...)...) {
			r := b.asked(client)
			require.Equal(t, addrPort(client.LocalAddr()).Port(), r.from.Port())
			requireAccepted(t, client, b.answer(r, r.oob))
		}
	}, pktinfo4)
	s.requireDSR(t, append(s.vips, s.own)...)
}

// documentServer is the echo program of Google's document. It ends when the
// socket is closed.
func documentServer(c net.PacketConn) error {
	b := make([]byte, 1500)
	for {
		n, addr, err := c.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err == nil {
			_, err = c.WriteTo(append([]byte("ECHO: "), b[:n]...), addr)
		}
		if err != nil {
			return err
		}
	}
}

// The document's scenario, with many VIPs and clients of each, over two
// backends: the naive program, and the same with one line changed.
func TestPromise6_OneLineChanged(t *testing.T) {
	for _, balancer := range balancers {
		for _, network := range networks4 {
			l := labtest.New(t, lab.Options{Balancer: balancer, VIPs: 8})
			require.NoError(t, l.Client.Sysctl("net.ipv4.icmp_ratelimit", "0"))
			s := &site{client: l.Client, arrivals: labtest.Capture(t, l.Client, dev)}
			clients := s.dialAll(t, slices.Repeat(l.VIPs4, 3)...)
			served := make(map[netip.Addr]bool) // the backends that answered
			for name, listen := range map[string]func() (net.PacketConn, error){
				"naive":  func() (net.PacketConn, error) { return net.ListenUDP(network, &net.UDPAddr{Port: lab.Port}) },
				"dsrudp": func() (net.PacketConn, error) { return dsrudp.ListenUDP(network, &net.UDPAddr{Port: lab.Port}) },
			} {
				t.Run(string(balancer)+"/"+network+"/"+name, func(t *testing.T) {
					for _, b := range l.Backends {
						require.NoError(t, b.Do(func() error {
							c, err := listen()
							if err != nil {
								return err
							}
							ended := make(chan error, 1)
							go func() { ended <- documentServer(c) }()
							t.Cleanup(func() {
								c.Close()
								require.NoError(t, <-ended)
							})
							return nil
						}))
					}
					var requests []string
					for _, client := range clients {
						requests = append(requests, s.ask(t, client))
					}
					for i, client := range clients {
						answer := "ECHO: " + requests[i]
						if name == "dsrudp" {
							requireAccepted(t, client, answer)
							continue
						}
						p := waitFor(t, s.arrivals, func(p lab.Packet) bool { return !p.Outgoing && string(p.Payload) == answer })
						s.requireRejected(t, client, answer, p.Src.Addr())
						served[p.Src.Addr()] = true
					}
				})
			}
			require.Equal(t, map[netip.Addr]bool{l.Backends[0].External4: true, l.Backends[1].External4: true}, served)
		}
	}
}

// One client port asks through several VIPs, and directly, before any request
// is answered. What the datagrams came with distinguishes them.
func TestPromise4_OneClientPort(t *testing.T) {
	for _, balancer := range balancers {
		s, l := newSite(t, lab.Options{Balancer: balancer, VIPs: 5})
		t.Run(string(balancer), func(t *testing.T) {
			s.eachWay(t, networks4, func(t *testing.T, c *dsrudp.Conn, w way) {
				clients := s.dialOnePort(t, append(s.vips, s.own)...)
				round := s.receiveAll(t, c, w, clients...)
				if w.name == byMemory.name {
					// A remote address alone is ambiguous: the last one wins.
					require.NoError(t, round.answers[0]("to the last"))
					requireAccepted(t, clients[len(clients)-1], "to the last")
					require.EqualValues(t, 1, c.Stats().AmbiguousPath)
					return
				}
				round.requireAccepted(t)
				require.Zero(t, c.Stats().AmbiguousPath)
			})
			for _, network := range networks4 {
				t.Run("dsrudp/"+network+"/Strict", func(t *testing.T) {
					c := s.conn(t, dsrudp.ListenConfig{Strict: true}, network, netip.Addr{})
					clients := s.dialOnePort(t, s.vips...)
					for _, answer := range s.receiveAll(t, c, byMemory, clients...).answers {
						require.ErrorIs(t, answer("ambiguous"), dsrudp.ErrNoPath)
					}
					for _, w := range waysBut(byMemory) {
						s.requireAnswered(t, c, w, clients...)
					}
				})
			}
			s.eachServed(t, networks4, func(t *testing.T, c *dsrudp.Conn) {
				s.requireServed(t, c, s.dialOnePort(t, append(s.vips, s.own)...)...)
				require.Zero(t, c.Stats().LostPath)
			})
			s.eachServed(t, networks6[1:], func(t *testing.T, c *dsrudp.Conn) {
				s.requireServed(t, c, append(s.dialOnePort(t, l.VIPs6...), s.dialAll(t, s.vips...)...)...)
			})
		})
	}
}

// eachServed runs f for Conns that a Server can read: of the networks, and with the
// kernel joining datagrams or not.
func (s *site) eachServed(t *testing.T, networks []string, f func(t *testing.T, c *dsrudp.Conn)) {
	t.Helper()
	for _, network := range networks {
		for name, gro := range map[string]bool{"": false, "/GRO": true} {
			t.Run("dsrudp/Server/"+network+name, func(t *testing.T) {
				f(t, s.conn(t, dsrudp.ListenConfig{GRO: gro}, network, netip.Addr{}))
			})
		}
	}
}

// IPv6 VIPs that are local routes only, single ones and a range.
func TestPromise4_ServerLocalRoutes(t *testing.T) {
	s := newCable(t)
	s.eachServed(t, networks6, func(t *testing.T, c *dsrudp.Conn) {
		s.requireServed(t, c, s.dialOnePort(t, s.vips...)...)
	})
}

// What a Server answers goes the routing table's way, which is not the way that the
// request came.
func TestPromise2_ServerAsymmetric(t *testing.T) {
	s, l := newSite(t, lab.Options{Asymmetric: true})
	for _, vips := range [][]netip.Addr{l.VIPs4, l.VIPs6} {
		networks := networks4
		if vips[0].Is6() {
			networks = networks6
		}
		s.eachServed(t, networks, func(t *testing.T, c *dsrudp.Conn) {
			serve(t, &dsrudp.Server{Handler: echo(t)}, c)
			for _, client := range s.dialAll(t, vips...) {
				request := s.ask(t, client)
				requireAccepted(t, client, request)
				waitSent(t, s.wire, request)
			}
		})
	}
}
