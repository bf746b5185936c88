package facts_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A k2Withdrawal takes VIPs from the server, and brings them back.
type k2Withdrawal struct {
	name     string
	vips     []netip.Addr
	withdraw func(d *duo) error
	restore  func(d *duo) error
}

var k2Withdrawals = []k2Withdrawal{
	k2RouteWithdrawal("a route", netip.PrefixFrom(duoVIPs6[0], 128), duoVIPs6[:1]),
	k2RouteWithdrawal("a range", duoRange, duoRangeVIPs),
	k2AddressWithdrawal(netip.MustParseAddr("2001:db8:53::1")),
}

func k2RouteWithdrawal(name string, p netip.Prefix, vips []netip.Addr) k2Withdrawal {
	return k2Withdrawal{
		name, vips,
		func(d *duo) error { return d.server.DelLocalRoute(p, duoDev) },
		func(d *duo) error { return d.server.AddLocalRoute(p, duoDev) },
	}
}

func k2AddressWithdrawal(a netip.Addr) k2Withdrawal {
	p := netip.PrefixFrom(a, 128)
	return k2Withdrawal{
		"an address",
		[]netip.Addr{a},
		func(d *duo) error { return d.server.DelAddr("lo", p) },
		func(d *duo) error { return d.server.AddAddr("lo", p) },
	}
}

// K2.10: a plain socket cannot send from an address that was taken away; one
// with IPV6_FREEBIND goes on, and one that was bound with it even after the option
// is off.
func TestK2_10_WithdrawnBare(t *testing.T) {
	d := newDuo(t)
	w := k2AddressWithdrawal(netip.MustParseAddr("2001:db8:53::1"))
	vip := w.vips[0]
	for _, network := range k2Networks {
		t.Run(network, func(t *testing.T) {
			require.NoError(t, w.restore(d))
			b, client := d.listen(t, network, netip.Addr{}), d.dial(t, vip)
			d.ask(t, client)
			r := b.receive()
			d.requireAccepted(t, client, b.answer(r, info6{addr: vip}.oob()))

			require.NoError(t, w.withdraw(d))
			answer, err := b.tryAnswer(r, info6{addr: vip}.oob())
			require.ErrorIs(t, err, unix.EINVAL)
			d.requireSilence(t, answer)
			b.set(bareFreebind)
			d.requireSentFrom(t, b.answer(r, info6{addr: vip}.oob()), vip)
			require.NoError(t, b.Close())

			b = d.listen(t, network, vip, bareFreebind)
			d.requireSentFrom(t, b.answer(r, nil), vip)
			b.set(bareOff(unix.IPPROTO_IPV6, unix.IPV6_FREEBIND))
			d.requireSentFrom(t, b.answer(r, nil), vip)
		})
	}
}

// A k2Answer answers a request that came before, in one of the ways.
type k2Answer struct {
	way  string
	vip  netip.Addr
	send func(payload string) error
}

// requests has a client of each VIP ask c, once for each way, and returns the
// answers that are then due.
func (d *duo) requests(t *testing.T, c *dsrudp.Conn, vips []netip.Addr) (due []k2Answer) {
	t.Helper()
	for _, vip := range vips {
		for _, w := range guardWays {
			d.ask(t, d.dial(t, vip))
			r, err := w.receive(c)
			require.NoError(t, err)
			due = append(due, k2Answer{w.name, vip, r.answer})
		}
	}
	return due
}

// requireAllRefused requires that none of the answers leaves.
func (d *duo) requireAllRefused(t *testing.T, answers []k2Answer) {
	t.Helper()
	// The word of the withdrawal is on its way to the library, which does not
	// wait for it at each send. One refusal shows that it has come.
	duoSoon(t, "a withdrawn VIP is refused", func() bool {
		err := answers[0].send("may still leave")
		if err != nil {
			dsrNotLocal(t, err)
		}
		return err != nil
	})
	var bad []string
	for _, a := range answers {
		payload := duoPayload("from a withdrawn VIP by " + a.way)
		dsrNotLocal(t, a.send(payload))
		bad = append(bad, payload)
	}
	d.requireSilence(t, bad...)
}

// K2.10: requests received before a VIP is withdrawn are not answered after it,
// on any kind of Conn and by none of the ways; other VIPs are not concerned. When
// it comes back all is well.
func TestK2_10_Withdrawn(t *testing.T) {
	d := newDuo(t)
	for _, w := range k2Withdrawals {
		if w.name == "an address" {
			require.NoError(t, w.restore(d))
		}
		t.Run(w.name, func(t *testing.T) {
			servers := append(slices.Clone(guardServers), guardListen("udp6", w.vips[0]), guardElsewhere("udp", w.vips[0], bareFreebind))
			for _, s := range servers {
				vips, stays := w.vips, duoVIPs6[1:]
				if s.vip.IsValid() {
					vips, stays = []netip.Addr{s.vip}, nil
				}
				if !slices.Contains(w.vips, vips[0]) {
					continue // bound to a VIP that stays
				}
				t.Run(s.name, func(t *testing.T) {
					c := s.open(t, d)
					due, others := d.requests(t, c, vips), d.requests(t, c, stays)
					d.requireSent(t, due)
					require.NoError(t, w.withdraw(d))
					d.requireAllRefused(t, due)
					d.requireSent(t, others)

					require.NoError(t, w.restore(d))
					d.requireSent(t, due)
					d.requireAnswered(t, c, dsrRemembered, d.dialVIPs(t, slices.Concat(vips, stays))...)
				})
			}
		})
	}
}

// requireSent requires that the answers leave, each from its VIP.
func (d *duo) requireSent(t *testing.T, answers []k2Answer) {
	t.Helper()
	for _, a := range answers {
		payload := duoPayload("by " + a.way)
		require.NoError(t, a.send(payload), a.way)
		d.requireSentFrom(t, payload, a.vip)
	}
}
