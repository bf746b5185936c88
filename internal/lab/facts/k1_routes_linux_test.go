package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// K1.13: a rule that has what comes from a VIP routed by a table of its own is
// obeyed when the source is given and the interface is not.
func TestK1_13_RuleBySource(t *testing.T) {
	s, _ := newSite(t, lab.Options{Asymmetric: true})
	const table = 200
	require.NoError(t, s.server.Netlink().RouteAdd(&netlink.Route{
		Dst: &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, Table: table,
		Gw: net.IPv4(10, 128, 0, 1), Flags: int(netlink.FLAG_ONLINK), LinkIndex: siteIndex(t, s.server, "eth0"),
	}))
	rule := netlink.NewRule()
	rule.Src, rule.Table, rule.Priority = netlink.NewIPNet(s.vips[0].AsSlice()), table, 50
	require.NoError(t, s.server.Netlink().RuleAdd(rule))

	// One VIP has the rule, the other goes the way of everything else.
	out := []*lab.Capture{labtest.Capture(t, s.server, "eth0"), labtest.Capture(t, s.server, "eth1")}
	s.eachBare(t, func(t *testing.T, b *bareServer) {
		for i, vip := range s.vips {
			client := s.dial(t, vip)
			s.ask(t, client)
			answer := b.answer(b.receive(), info4{specDst: vip}.oob())
			siteSent(t, out[i], answer)
			s.requireAccepted(t, client, answer)
		}
	})
	s.eachDSR(t, func(t *testing.T, c *dsrudp.Conn, w dsrWay) {
		for i, answer := range s.requireAnswered(t, c, w, s.dialAll(t)...) {
			siteSent(t, out[i], answer)
		}
	})
}

// K1.14: a VIP may be withdrawn between request and answer.
func TestK1_14_Withdrawn(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	onWire := labtest.Capture(t, s.server, "eth0")
	gone := netip.PrefixFrom(s.vips[0], 32)
	withdraw := func(t *testing.T) (restore func()) {
		require.NoError(t, s.server.DelLocalRoute(gone, "eth0"))
		restored := false
		restore = func() {
			if !restored {
				restored = true
				require.NoError(t, s.server.AddLocalRoute(gone, "eth0"))
			}
		}
		t.Cleanup(restore)
		return restore
	}
	s.eachBare(t, func(t *testing.T, b *bareServer) {
		client := s.dial(t, s.vips[0])
		s.ask(t, client)
		r := b.receive()
		restore := withdraw(t)
		answer, err := b.tryAnswer(r, info4{specDst: s.vips[0]}.oob())
		bareFails(t, err, badSource...)
		// To try again without a source, as some do, is K1.1.
		stray := b.answer(r, nil)
		require.Equal(t, l.Backends[0].Internal4, siteSent(t, onWire, stray).Src.Addr())
		siteNotSent(t, onWire, answer, stray)
		restore()
		s.requireAccepted(t, client, b.answer(r, info4{specDst: s.vips[0]}.oob()))
	})
	s.eachDSR(t, func(t *testing.T, c *dsrudp.Conn, w dsrWay) {
		round := s.receiveAll(t, c, w, s.dialAll(t)...)
		restore := withdraw(t)
		dsrNotLocal(t, round.answers[0](t.Name()), badSource...)
		require.EqualValues(t, 1, c.Stats().Refused)
		// The other VIP does not suffer, and nothing left from anywhere.
		other := s.requireAnswered(t, c, w, s.dial(t, s.vips[1]))
		siteNotSent(t, onWire, t.Name(), other[0])
		restore()
		round.requireAccepted(t)
	})

	// Bound to the VIP it is the same.
	t.Run("bound/bare", func(t *testing.T) {
		b := s.listen(t, "udp4", s.vips[0])
		client := s.dial(t, s.vips[0])
		s.ask(t, client)
		r := b.receive()
		restore := withdraw(t)
		_, err := b.tryAnswer(r, nil)
		bareFails(t, err, badSource...)
		restore()
		s.requireAccepted(t, client, b.answer(r, nil))
	})
	for _, w := range dsrWays {
		t.Run("bound/dsrudp/"+w.name, func(t *testing.T) {
			c := s.listenDSR(t, dsrudp.ListenConfig{}, "udp", s.vips[0])
			round := s.receiveAll(t, c, w, s.dial(t, s.vips[0]))
			restore := withdraw(t)
			dsrNotLocal(t, round.answers[0]("withdrawn"), badSource...)
			require.EqualValues(t, 1, c.Stats().Refused)
			restore()
			round.requireAccepted(t)
		})
	}
}

// K1.15: the interface that requests come in by needs no route at all, if the
// answer does not name it.
func TestK1_15_DefaultRouteElsewhere(t *testing.T) {
	s, _ := newSite(t, lab.Options{Asymmetric: true})
	out := labtest.Capture(t, s.server, "eth1")
	require.NoError(t, s.server.DelRoute(netip.MustParsePrefix("10.128.0.1/32"), netip.Addr{}, "eth0"))
	routes, err := s.server.Netlink().RouteListFiltered(unix.AF_INET,
		&netlink.Route{LinkIndex: siteIndex(t, s.server, "eth0"), Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
	require.NoError(t, err)
	require.Empty(t, routes)

	s.eachBare(t, func(t *testing.T, b *bareServer) {
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			s.ask(t, client)
			answer := b.answer(b.receive(), info4{specDst: vip}.oob())
			siteSent(t, out, answer)
			s.requireAccepted(t, client, answer)
		}
	})
	s.eachDSR(t, func(t *testing.T, c *dsrudp.Conn, w dsrWay) {
		for _, answer := range s.requireAnswered(t, c, w, s.dialAll(t)...) {
			siteSent(t, out, answer)
		}
	})
}
