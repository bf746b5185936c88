package facts_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// VIPs may be local only to what comes in by one interface: a rule with iif leads
// to the table that has their route. Asked without a datagram the kernel does
// not call them local, but a datagram received for one settles the matter, and is
// answered from it. What nobody has written to stays foreign.
func TestGuard_Received(t *testing.T) {
	d := newDuo(t)
	vip4, vip6 := netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("2001:db8:49::1")
	d.addReceivedOnly(t, netip.PrefixFrom(vip4, 24).Masked())
	d.addReceivedOnly(t, netip.PrefixFrom(vip6, 64).Masked())
	unheard4, unheard6 := vip4.Next(), vip6.Next()

	d.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
		for _, w := range guardWays {
			d.requireAnswered(t, c, w, d.dial(t, vip6), d.dial(t, duoVIPs6[0]), d.dial(t, vip6))
		}
		d.requireForeign(t, c, unheard6, d.unheard(t))
	})
	t.Run("dsrudp/IP_TRANSPARENT", func(t *testing.T) {
		// There the guard over IPv4 is the library's too.
		c := guardConn(t, d.listen(t, "udp", netip.Addr{}, bareOn(unix.IPPROTO_IP, unix.IP_TRANSPARENT)).UDPConn)
		for _, w := range guardWays {
			d.requireAnswered(t, c, w, d.dial(t, vip4), d.dial(t, vip6), d.dial(t, duoVIPs4[0]))
		}
		d.requireForeign(t, c, unheard4, netip.AddrPortFrom(duoClient4, 9))
		d.requireForeign(t, c, unheard6, d.unheard(t))
	})
	t.Run("dsrudp/IP_TRANSPARENT/udp4", func(t *testing.T) {
		c := guardConn(t, d.listen(t, "udp4", netip.Addr{}, bareOn(unix.IPPROTO_IP, unix.IP_TRANSPARENT)).UDPConn)
		for _, w := range guardWays {
			d.requireAnswered(t, c, w, d.dial(t, vip4), d.dial(t, duoVIPs4[0]))
		}
		d.requireForeign(t, c, unheard4, netip.AddrPortFrom(duoClient4, 9))
	})
}

// addReceivedOnly makes the addresses of p local to what the server receives.
func (d *duo) addReceivedOnly(t *testing.T, p netip.Prefix) {
	t.Helper()
	const table = 100
	nl, family := d.server.Netlink(), unix.AF_INET6
	if p.Addr().Is4() {
		family = unix.AF_INET
	}
	require.NoError(t, nl.RouteAdd(&netlink.Route{
		Dst:  &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())},
		Type: unix.RTN_LOCAL, Table: table, Scope: netlink.SCOPE_HOST, LinkIndex: siteIndex(t, d.server, duoDev),
	}))
	rule := netlink.NewRule()
	rule.Family, rule.IifName, rule.Table, rule.Priority = family, duoDev, table, 50
	require.NoError(t, nl.RuleAdd(rule))

	routes, err := nl.RouteGet(p.Addr().Next().AsSlice())
	if err == nil {
		require.NotEqual(t, unix.RTN_LOCAL, routes[0].Type)
	}
}

// requireForeign requires that src, of which nothing was received, is no source.
func (d *duo) requireForeign(t *testing.T, c *dsrudp.Conn, src netip.Addr, to netip.AddrPort) {
	t.Helper()
	bad := duoPayload("never to leave")
	_, err := c.WriteToPath([]byte(bad), dsrudp.Path{Local: guardVIP(src), Remote: to})
	dsrNotLocal(t, err)
	d.requireSilence(t, bad)
}

// TestGuard_ReceivedAgain: that such a VIP is local is good for a while, and what
// is received for it later makes it good again, in a Server that remembers what
// datagrams to it say.
func TestGuard_ReceivedAgain(t *testing.T) {
	d := newDuo(t)
	transparent := dsrudp.ListenConfig{Control: bareControl(bareOn(unix.IPPROTO_IP, unix.IP_TRANSPARENT))}
	for _, tc := range []struct {
		network string
		vip     netip.Prefix
		lc      dsrudp.ListenConfig
		unheard netip.AddrPort
	}{
		{"udp", netip.MustParsePrefix("2001:db8:49::1/64"), dsrudp.ListenConfig{}, d.unheard(t)},
		{"udp4", netip.MustParsePrefix("198.18.0.1/24"), transparent, netip.AddrPortFrom(duoClient4, 9)},
	} {
		t.Run(tc.network, func(t *testing.T) {
			d.addReceivedOnly(t, tc.vip.Masked())
			c := d.listenDSR(t, tc.lc, tc.network, netip.Addr{})
			client := d.dial(t, tc.vip.Addr())
			paths := make(chan dsrudp.Path, 1)
			shutdown := serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				echoing(t).ServePacket(w, p)
				paths <- p.Path
			})}, c)
			for range 2 {
				d.requireAccepted(t, client, d.ask(t, client))
				path := <-paths
				path.Remote = tc.unheard
				duoSoon(t, "the VIP is not local any more", func() bool {
					_, err := c.WriteToPath([]byte("not long after"), path)
					return errors.Is(err, dsrudp.ErrNotLocal)
				})
			}
			shutdown()
		})
	}
}
