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

// The options that loosen the kernel's guard over local addresses.
var (
	bareFreeBind    = bareOn(unix.IPPROTO_IP, unix.IP_FREEBIND)
	bareTransparent = bareOn(unix.IPPROTO_IP, unix.IP_TRANSPARENT)
)

// badSource is how the kernel refuses an address that is not the host's:
// EINVAL on older ones.
var badSource = []error{unix.ENETUNREACH, unix.EINVAL}

// K1.8: the source has to be local. Of all options only IP_TRANSPARENT changes
// that, and dsrudp keeps the rule also then.
func TestK1_8_SourceNotLocal(t *testing.T) {
	stranger := netip.MustParseAddr("192.0.2.77")
	s, _ := newSite(t, lab.Options{})
	onWire := labtest.Capture(t, s.server, "eth0")
	for _, tt := range []struct {
		name     string
		nonlocal string // net.ipv4.ip_nonlocal_bind
		option   bareOption
		freeBind bool // of dsrudp
		spoofs   bool
	}{
		{name: "plain", nonlocal: "0"},
		{name: "IP_FREEBIND", nonlocal: "0", option: bareFreeBind, freeBind: true},
		{name: "ip_nonlocal_bind", nonlocal: "1"},
		{name: "IP_TRANSPARENT", nonlocal: "0", option: bareTransparent, spoofs: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, s.server.Sysctl("net.ipv4.ip_nonlocal_bind", tt.nonlocal))
			options := []bareOption{barePktinfo4}
			if tt.option != nil {
				options = append(options, tt.option)
			}
			s.eachBare(t, func(t *testing.T, b *bareServer) {
				client := s.dial(t, s.vips[0])
				s.ask(t, client)
				r := b.receive()
				answer, err := b.tryAnswer(r, info4{specDst: stranger}.oob())
				right := b.answer(r, info4{specDst: s.vips[0]}.oob())
				s.requireAccepted(t, client, right)
				if tt.spoofs {
					require.NoError(t, err)
					require.Equal(t, stranger, siteSent(t, onWire, answer).Src.Addr())
					return
				}
				bareFails(t, err, badSource...)
				siteNotSent(t, onWire, answer, right)
			}, options...)

			lc := dsrudp.ListenConfig{Control: bareControl(options[1:]...), FreeBind: tt.freeBind}
			errnos := badSource
			if tt.spoofs {
				errnos = nil // the kernel would have sent it
			}
			for _, network := range bareNetworks {
				t.Run("dsrudp/"+network, func(t *testing.T) {
					c := s.listenDSR(t, lc, network, netip.Addr{})
					client := s.dial(t, s.vips[1])
					s.ask(t, client)
					_, p, err := c.ReadFromPath(make([]byte, 2048))
					require.NoError(t, err)

					_, err = c.WriteToPath([]byte(t.Name()), dsrudp.Path{Local: netip.AddrPortFrom(stranger, 0), Remote: p.Remote})
					dsrNotLocal(t, err, errnos...)
					_, _, err = c.WriteMsgUDPAddrPort([]byte(t.Name()), info4{specDst: stranger}.oob(), p.Remote)
					dsrNotLocal(t, err, errnos...)
					require.EqualValues(t, 2, c.Stats().Refused)

					right := "right: " + t.Name()
					_, err = c.WriteToPath([]byte(right), p)
					require.NoError(t, err)
					s.requireAccepted(t, client, right)
					siteNotSent(t, onWire, t.Name(), right)
				})
			}
		})
	}
}

// K1.9: a local route in a table other than local receives, and cannot send.
func TestK1_9_LocalRouteInAnotherTable(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	const table = 100
	other, vip := s.vips[0], s.vips[1]
	require.NoError(t, s.server.DelLocalRoute(netip.PrefixFrom(vip, 32), "eth0"))
	require.NoError(t, s.server.Netlink().RouteAdd(&netlink.Route{
		Dst: netlink.NewIPNet(vip.AsSlice()), Type: unix.RTN_LOCAL, Table: table, Scope: netlink.SCOPE_HOST,
		LinkIndex: siteIndex(t, s.server, "eth0"),
	}))
	rule := netlink.NewRule()
	rule.Dst, rule.Table, rule.Priority = netlink.NewIPNet(vip.AsSlice()), table, 50
	require.NoError(t, s.server.Netlink().RuleAdd(rule))
	onWire := labtest.Capture(t, s.server, "eth0")

	s.eachBare(t, func(t *testing.T, b *bareServer) {
		client := s.dial(t, vip)
		s.ask(t, client)
		r := b.receive()
		require.Equal(t, vip, r.v4.specDst)
		answer, err := b.tryAnswer(r, info4{specDst: vip}.oob())
		bareFails(t, err, badSource...)
		// Without a source it is K1.1 again.
		stray := b.answer(r, nil)
		require.Equal(t, l.Backends[0].Internal4, siteSent(t, onWire, stray).Src.Addr())
		siteNotSent(t, onWire, answer, stray)
	}, barePktinfo4)
	s.eachDSR(t, func(t *testing.T, c *dsrudp.Conn, w dsrWay) {
		round := s.receiveAll(t, c, w, s.dial(t, vip))
		dsrNotLocal(t, round.answers[0](t.Name()), badSource...)
		require.EqualValues(t, 1, c.Stats().Refused)
		// The other VIP does not suffer, and nothing left from anywhere.
		right := s.requireAnswered(t, c, w, s.dial(t, other))
		siteNotSent(t, onWire, t.Name(), right[0])
	})
}

// K1.10: a group cannot be a source.
func TestK1_10_GroupAsSource(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	onWire := labtest.Capture(t, s.server, "eth0")
	groups := []netip.Addr{
		netip.MustParseAddr("224.0.0.251"),
		netip.MustParseAddr("239.1.2.3"),
		netip.MustParseAddr("255.255.255.255"),
	}
	s.eachBare(t, func(t *testing.T, b *bareServer) {
		client := s.dial(t, s.vips[0])
		s.ask(t, client)
		r := b.receive()
		for _, group := range groups {
			_, err := b.tryAnswer(r, info4{specDst: group}.oob())
			require.ErrorIs(t, err, unix.EINVAL)
		}
	})
	for _, network := range bareNetworks {
		for _, transparent := range []bool{false, true} {
			name, lc := "dsrudp/"+network, dsrudp.ListenConfig{}
			errnos := []error{unix.EINVAL}
			if transparent {
				name += "/IP_TRANSPARENT"
				lc.Control = bareControl(bareTransparent)
				errnos = nil
			}
			t.Run(name, func(t *testing.T) {
				c := s.listenDSR(t, lc, network, netip.Addr{})
				client := s.dial(t, s.vips[1])
				s.ask(t, client)
				_, p, err := c.ReadFromPath(make([]byte, 2048))
				require.NoError(t, err)
				for _, group := range groups {
					_, err = c.WriteToPath([]byte(t.Name()), dsrudp.Path{Local: netip.AddrPortFrom(group, 0), Remote: p.Remote})
					dsrNotLocal(t, err, errnos...)
					_, _, err = c.WriteMsgUDPAddrPort([]byte(t.Name()), info4{specDst: group}.oob(), p.Remote)
					dsrNotLocal(t, err, errnos...)
				}
				right := s.requireAnswered(t, c, dsrPacket, client)
				siteNotSent(t, onWire, t.Name(), right[0])
			})
		}
	}
}
