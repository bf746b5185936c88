package facts_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// The server's addresses on the second cable.
var (
	twin4 = netip.MustParseAddr("192.0.2.9")
	twin6 = netip.MustParseAddr("2001:db8:1::9")
)

// newTwins is newCable with a second client, on a cable of its own, that has the addresses
// of the first. It returns what the server sends over that cable.
func newTwins(t *testing.T) (s *site, twin *lab.Host, second *lab.Capture) {
	t.Helper()
	s, twin = newCable(t), labtest.NewHost(t, "twin")
	require.NoError(t, lab.Connect(twin, dev2, s.server, dev2))
	// The clients' network is behind both interfaces of the server, and the first has
	// precedence. (An interface beside an IPv6 source is but a preference, among routes of
	// one prefix and metric.)
	for h, addrs := range map[*lab.Host][2]netip.Addr{twin: {client4, client6}, s.server: {twin4, twin6}} {
		require.NoError(t, h.AddAddr(dev2, netip.PrefixFrom(addrs[0], net4.Bits())))
		require.NoError(t, h.AddAddr(dev2, netip.PrefixFrom(addrs[1], net6.Bits())))
	}
	require.NoError(t, twin.AddRoute(any4, netip.Addr{}, dev2))
	require.NoError(t, twin.AddRoute(any6, netip.Addr{}, dev2))
	introduce(t, s.server, twin, dev2, client4, client6)
	introduce(t, twin, s.server, dev2, append(vips4[:2:2], vips6...)...)
	return s, twin, labtest.Capture(t, s.server, dev2)
}

// One client address, and port, is behind two interfaces. With ReplyByInterface each answer
// leaves by the interface of its request, in all ways that carry it. Without, the routing
// table sends all of them to the first client.
func TestT5_ReplyByInterface(t *testing.T) {
	const port, rounds = 40000, 3
	s, twin, second := newTwins(t)
	for _, f := range families {
		for _, tc := range []struct {
			network string
			bind    netip.Addr
		}{{f.networks[0], netip.Addr{}}, {f.networks[1], netip.Addr{}}, {f.networks[0], f.vips[0]}} {
			for _, on := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s%s/%v", f.name, tc.network, address(tc.bind), on), func(t *testing.T) {
					c := s.conn(t, dsrudp.ListenConfig{ReplyByInterface: on}, tc.network, tc.bind)
					local, remote := netip.AddrPortFrom(f.a, port), server(f.vips[0])
					clients := []*net.UDPConn{dial(t, s.client, local, remote), dial(t, twin, local, remote)}
					for _, w := range []way{byCarrier, byCarrierMsg, byEcho, byPackets, byBatch} {
						for range rounds {
							answers := s.receiveAll(t, c, w, clients...).answers
							for i, answer := range answers {
								payload := unique("answer by " + w.name)
								require.NoError(t, answer(payload))
								wire, client := s.wire, clients[0]
								if i == 1 && on {
									wire, client = second, clients[1]
								}
								require.Equal(t, remote, waitSent(t, wire, payload).Src)
								requireAccepted(t, client, payload)
							}
						}
					}
					replies := 0
					shutdown := serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
						if replies++; replies%4 < 2 {
							assert.NoError(t, w.WritePacket(p))
							return
						}
						_, err := w.Write(p.Payload())
						assert.NoError(t, err)
					})}, c)
					for range rounds {
						requests := []string{s.ask(t, clients[0]), s.ask(t, clients[1])}
						if on {
							requireAccepted(t, clients[0], requests[0])
							requireAccepted(t, clients[1], requests[1])
							continue
						}
						require.ElementsMatch(t, requests, []string{read(t, clients[0]), read(t, clients[0])})
					}
					shutdown()
				})
			}
		}
	}
}

// A client on the server's own host is answered with ReplyByInterface too. The interface of
// its request is that of the VIP's route (K1.6), where nobody would take the answer.
func TestT5_LocalClient(t *testing.T) {
	s, _, _ := newTwins(t)
	for vip, own := range map[netip.Addr][]netip.Addr{
		vips4[0]: {netip.MustParseAddr("127.0.0.1"), server4, twin4, vips4[1], {}},
		vips6[0]: {netip.IPv6Loopback(), server6, twin6, {}},
	} {
		c := s.conn(t, dsrudp.ListenConfig{ReplyByInterface: true}, "udp", netip.Addr{})
		for _, local := range own {
			client := dial(t, s.server, netip.AddrPortFrom(local, 0), server(vip)) // from the VIP, for none
			for _, w := range ways {
				s.requireAnswered(t, c, w, client)
			}
		}
		require.NoError(t, c.Close())
	}
}
