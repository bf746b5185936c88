package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// K1.8: the source has to be local. Of all options only IP_TRANSPARENT changes
// that, and dsrudp keeps the rule also then.
func TestK1_8_SourceNotLocal(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	for _, tt := range []struct {
		name     string
		nonlocal string // net.ipv4.ip_nonlocal_bind
		options  []option
		spoofs   bool
	}{
		{name: "plain", nonlocal: "0"},
		{name: "IP_FREEBIND", nonlocal: "0", options: []option{freebind}},
		{name: "ip_nonlocal_bind", nonlocal: "1"},
		{name: "IP_TRANSPARENT", nonlocal: "0", options: []option{transparent}, spoofs: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, s.server.Sysctl("net.ipv4.ip_nonlocal_bind", tt.nonlocal))
			s.eachBare(t, networks4, func(t *testing.T, b *bare) {
				client := s.dial(t, s.vips[0])
				r := b.asked(client)
				answer, err := b.tryAnswer(r, source(foreign4))
				requireAccepted(t, client, b.answer(r, source(s.vips[0])))
				if tt.spoofs {
					require.NoError(t, err)
					s.requireSentFrom(t, answer, foreign4)
					return
				}
				requireErrno(t, err, badSource...)
				s.requireNotSent(t, answer)
			}, tt.options...)
			lc := dsrudp.ListenConfig{Control: control(tt.options...), FreeBind: tt.name == "IP_FREEBIND"}
			for _, network := range networks4 {
				t.Run("dsrudp/"+network, func(t *testing.T) {
					c, client := s.conn(t, lc, network, netip.Addr{}), s.dial(t, s.vips[1])
					p := s.path(t, c, client)
					s.requireRefused(t, c, foreign4, p.Remote, sends...)
					_, err := c.WriteToPath(nil, path(foreign4, p.Remote))
					if tt.spoofs {
						requireNotLocal(t, err) // the kernel would have sent it
					} else {
						requireNotLocal(t, err, badSource...)
					}
					s.requireAnswered(t, c, byPath, client)
				})
			}
		})
	}
}

// K1.9: a local route in a table other than local receives, and cannot send, unless the socket
// has IP_TRANSPARENT.
func TestK1_9_LocalRouteInAnotherTable(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	other, vip := s.vips[0], s.vips[1]
	require.NoError(t, s.server.DelLocalRoute(single(vip), dev))
	rule := netlink.NewRule()
	rule.Dst = ipNet(single(vip))
	s.addRule(t, single(vip), rule)

	s.eachBare(t, networks4, func(t *testing.T, b *bare) {
		r := b.asked(s.dial(t, vip))
		require.Equal(t, vip, r.v4.specDst)
		answer, err := b.tryAnswer(r, source(vip))
		requireErrno(t, err, badSource...)
		// Without a source it is K1.1 again.
		s.requireSentFrom(t, b.answer(r, nil), l.Backends[0].Internal4)
		s.requireNotSent(t, answer)
	}, pktinfo4)
	s.eachWay(t, networks4, func(t *testing.T, c *dsrudp.Conn, w way) {
		round := s.receiveAll(t, c, w, s.dial(t, vip))
		err := round.answers[0](t.Name())
		requireNotLocal(t, err, badSource...)
		require.ErrorContains(t, err, "no address or local route in the table local")
		require.EqualValues(t, 1, c.Stats().Refused)
		// The other VIP does not suffer, and nothing left from anywhere.
		s.requireAnswered(t, c, w, s.dial(t, other))
		s.requireNotSent(t, t.Name())
	})
	for _, network := range networks4 {
		t.Run("dsrudp/IP_TRANSPARENT/"+network, func(t *testing.T) {
			c := s.conn(t, dsrudp.ListenConfig{Control: control(transparent)}, network, netip.Addr{})
			s.requireAnswered(t, c, byPath, s.dial(t, vip))
		})
	}
}

// K1.10: a group cannot be a source.
func TestK1_10_GroupAsSource(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	groups := []netip.Addr{
		netip.MustParseAddr("224.0.0.251"), netip.MustParseAddr("239.1.2.3"), netip.MustParseAddr("255.255.255.255"),
	}
	s.eachBare(t, networks4, func(t *testing.T, b *bare) {
		r := b.asked(s.dial(t, s.vips[0]))
		for _, group := range groups {
			_, err := b.tryAnswer(r, source(group))
			require.ErrorIs(t, err, unix.EINVAL)
		}
	})
	for _, network := range networks4 {
		for name, options := range map[string][]option{"plain": nil, "IP_TRANSPARENT": {transparent}} {
			t.Run("dsrudp/"+network+"/"+name, func(t *testing.T) {
				c, client := s.conn(t, dsrudp.ListenConfig{Control: control(options...)}, network, netip.Addr{}), s.dial(t, s.vips[1])
				p := s.path(t, c, client)
				for _, group := range groups {
					s.requireRefused(t, c, group, p.Remote, sends...)
				}
				s.requireAnswered(t, c, byPath, client)
			})
		}
	}
}

// K1.14: a VIP may be withdrawn between request and answer.
func TestK1_14_Withdrawn(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	gone, stays := s.vips[0], s.vips[1]
	withdraw := func(t *testing.T) (restore func()) { return s.withdraw(t, single(gone)) }
	s.eachBare(t, networks4, func(t *testing.T, b *bare) {
		client := s.dial(t, gone)
		r := b.asked(client)
		restore := withdraw(t)
		answer, err := b.tryAnswer(r, source(gone))
		requireErrno(t, err, badSource...)
		// To try again without a source, as some do, is K1.1.
		s.requireSentFrom(t, b.answer(r, nil), l.Backends[0].Internal4)
		s.requireNotSent(t, answer)
		restore()
		requireAccepted(t, client, b.answer(r, source(gone)))
	})
	s.eachWay(t, networks4, func(t *testing.T, c *dsrudp.Conn, w way) {
		round := s.receiveAll(t, c, w, s.dial(t, gone), s.dial(t, stays))
		restore := withdraw(t)
		requireNotLocal(t, round.answers[0](t.Name()), badSource...)
		require.EqualValues(t, 1, c.Stats().Refused)
		// The other VIP does not suffer, and nothing left from anywhere.
		s.requireAnswered(t, c, w, s.dial(t, stays))
		s.requireNotSent(t, t.Name())
		restore()
		round.requireAccepted(t)
	})

	// Bound to the VIP it is the same.
	t.Run("bound/bare", func(t *testing.T) {
		b, client := s.listen(t, "udp4", gone), s.dial(t, gone)
		r := b.asked(client)
		restore := withdraw(t)
		_, err := b.tryAnswer(r, nil)
		requireErrno(t, err, badSource...)
		restore()
		requireAccepted(t, client, b.answer(r, nil))
	})
	for _, w := range ways {
		t.Run("bound/dsrudp/"+w.name, func(t *testing.T) {
			c := s.conn(t, dsrudp.ListenConfig{}, "udp", gone)
			round := s.receiveAll(t, c, w, s.dial(t, gone))
			restore := withdraw(t)
			requireNotLocal(t, round.answers[0]("withdrawn"), badSource...)
			require.EqualValues(t, 1, c.Stats().Refused)
			restore()
			round.requireAccepted(t)
		})
	}
}
