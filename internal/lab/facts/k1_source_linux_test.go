package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// K1.1: sendto leaves from the machine's own address. This is what dsrudp is
// for.
func TestK1_1_SendtoLeavesFromOwnAddress(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	s.eachBare(t, networks4, func(t *testing.T, b *bare) {
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			answer := b.answer(b.asked(client), nil)
			s.requireSentFrom(t, answer, l.Backends[0].Internal4)
			s.requireRejected(t, client, answer, s.own)
			// Nothing is wrong with the client: it takes the right answer.
			requireAccepted(t, client, b.answer(b.asked(client), source(vip)))
		}
	})
	t.Run("bare/unconnected client", func(t *testing.T) {
		b, client := s.listen(t, "udp4", netip.Addr{}), listenUDP(t, s.client, l.Client4)
		_, err := client.WriteToUDPAddrPort([]byte("unconnected"), server(s.vips[0]))
		require.NoError(t, err)
		answer := b.answer(b.receive(), nil)
		got := make([]byte, 2048)
		n, from, err := client.ReadFromUDPAddrPort(got)
		require.NoError(t, err)
		require.Equal(t, answer, string(got[:n]), "it takes answers from anywhere, and so proves nothing")
		require.Equal(t, server(s.own).String(), from.String())
	})
	s.requireDSR(t, s.vips...)
}

// K1.2: a source and no interface is right, and needs no privilege.
func TestK1_2_SourceWithoutPrivilege(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	s.eachBare(t, networks4, func(t *testing.T, b *bare) {
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			r := b.asked(client)
			var answer string
			unprivileged(t, s.server, func() { answer = b.answer(r, source(vip)) })
			requireAccepted(t, client, answer)
		}
	})
	for _, network := range networks4 {
		for _, w := range ways {
			t.Run("dsrudp/"+network+"/"+w.name, func(t *testing.T) {
				clients := s.dialAll(t, s.vips...)
				unprivileged(t, s.server, func() {
					c, err := dsrudp.ListenPacket(network, address(netip.Addr{}))
					require.NoError(t, err)
					s.requireAnswered(t, bounded(t, c), w, clients...)
				})
			})
		}
	}
}

// K1.3: ipi_addr is what is received, and not looked at when sending.
func TestK1_3_HeaderDestinationIsNoSource(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	s.eachBare(t, networks4, func(t *testing.T, b *bare) {
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			r := b.asked(client)
			require.Equal(t, vip, r.v4.addr)
			s.requireRejected(t, client, b.answer(r, info4{addr: r.v4.addr}.oob()), s.own)
			requireAccepted(t, client, b.answer(r, source(r.v4.specDst)))
		}
	}, pktinfo4)
	for _, network := range networks4 {
		t.Run("dsrudp/"+network, func(t *testing.T) {
			c := s.wildcard(t, network)
			for _, vip := range s.vips {
				client := s.dial(t, vip)
				to := s.path(t, c, client).Remote
				_, _, err := c.WriteMsgUDPAddrPort([]byte("by ipi_addr"), info4{addr: vip}.oob(), to)
				require.NoError(t, err)
				requireAccepted(t, client, "by ipi_addr")

				// An address that is not the host's stays one.
				_, _, err = c.WriteMsgUDPAddrPort([]byte("by ipi_addr"), info4{addr: netip.MustParseAddr("10.128.0.255")}.oob(), to)
				require.ErrorIs(t, err, dsrudp.ErrNoPath)
			}
		})
	}
}

// K1.4: control messages handed back as they came are right where the way back
// is the way of the request.
func TestK1_4_EchoOnSymmetricRoute(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	s.eachBare(t, networks4, func(t *testing.T, b *bare) {
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			r := b.asked(client)
			require.Equal(t, &info4{ifindex: index(t, s.server, dev), specDst: vip, addr: vip}, r.v4)
			requireAccepted(t, client, b.answer(r, r.oob))
		}
	}, pktinfo4)
}

// K1.13: a rule that has what comes from a VIP routed by a table of its own is
// obeyed when the source is given and the interface is not.
func TestK1_13_RuleBySource(t *testing.T) {
	s, _ := newSite(t, lab.Options{Asymmetric: true})
	const table = 200
	require.NoError(t, s.server.Netlink().RouteAdd(&netlink.Route{
		Dst: ipNet(any4), Table: table, Gw: []byte{10, 128, 0, 1}, Flags: int(netlink.FLAG_ONLINK), LinkIndex: index(t, s.server, dev),
	}))
	rule := netlink.NewRule()
	rule.Src, rule.Table, rule.Priority = ipNet(single(s.vips[0])), table, 50
	require.NoError(t, s.server.Netlink().RuleAdd(rule))

	// One VIP has the rule, the other goes the way of everything else.
	s.requireWaysOut(t, labtest.Capture(t, s.server, dev), s.wire)
}

// requireWaysOut requires that the answers of each VIP leave by an interface.
func (s *site) requireWaysOut(t *testing.T, out ...*lab.Capture) {
	t.Helper()
	s.eachBare(t, networks4, func(t *testing.T, b *bare) {
		for i, vip := range s.vips {
			client := s.dial(t, vip)
			answer := b.answer(b.asked(client), source(vip))
			waitSent(t, out[i], answer)
			requireAccepted(t, client, answer)
		}
	})
	s.eachWay(t, networks4, func(t *testing.T, c *dsrudp.Conn, w way) {
		for i, answer := range s.requireAnswered(t, c, w, s.dialAll(t, s.vips...)...) {
			waitSent(t, out[i], answer)
		}
	})
}

// K1.15: the interface that requests come in by needs no route at all, if the
// answer does not name it.
func TestK1_15_DefaultRouteElsewhere(t *testing.T) {
	s, _ := newSite(t, lab.Options{Asymmetric: true})
	require.NoError(t, s.server.DelRoute(netip.MustParsePrefix("10.128.0.1/32"), netip.Addr{}, dev))
	routes, err := s.server.Netlink().RouteListFiltered(unix.AF_INET,
		&netlink.Route{LinkIndex: index(t, s.server, dev), Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
	require.NoError(t, err)
	require.Empty(t, routes)
	s.requireWaysOut(t, s.wire, s.wire)
}
