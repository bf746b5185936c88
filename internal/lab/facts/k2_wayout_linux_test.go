package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// requireWayOut requires that the payload left by the interface dev, and by no
// other, and from src.
func (d *duoTwice) requireWayOut(t *testing.T, dev, payload string, src netip.Addr) {
	t.Helper()
	duoSentFrom(t, d.wires[dev], payload, src)
	for other, wire := range d.wires {
		for _, p := range wire.Packets() {
			require.False(t, other != dev && string(p.Payload) == payload, "%s saw %v", other, p)
		}
	}
}

// What came in by one interface is answered by the one that the routing table
// says: an index beside the source is left out, be it that of an interface with
// another route or of one that is gone. The kernel goes by the table only if it
// has no choice.
func TestK2_IndexBesideSource(t *testing.T) {
	d := newDuoTwice(t)
	const gone = 1 << 30
	other := siteIndex(t, d.server, duoDev2)
	to := d.unheard(t) // behind the first interface
	t.Run("bare", func(t *testing.T) {
		b := d.listen(t, "udp6", netip.Addr{}, bareFreebind)
		_, _, err := b.WriteMsgUDPAddrPort([]byte("gone"), info6{duoVIPs6[0], gone}.oob(), to)
		require.ErrorIs(t, err, unix.ENODEV)
	})
	d.eachServer(t, func(t *testing.T, c *dsrudp.Conn, _ []netip.Addr) {
		for _, index := range []int{other, gone} {
			for _, w := range guardSends {
				payload := duoPayload("by " + w.name)
				require.NoError(t, w.send(c, payload, info6{duoVIPs6[0], index}, to))
				d.requireWayOut(t, duoDev, payload, duoVIPs6[0])
			}
		}
	})
}

// Servers of mDNS and DHCP choose the way out to a group by the index, with a
// source beside it or without.
func TestK2_IndexToGroup(t *testing.T) {
	d := newDuoTwice(t)
	index := siteIndex(t, d.server, duoDev2)
	at := func(s string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(s), 5353) }
	linkLocal := duoLinkLocal(t, d.server, duoDev2)
	for _, tc := range []struct {
		name, network string
		bind          netip.Addr
		oob           []byte
		to            netip.AddrPort
		want          netip.Addr // source
	}{
		{"mDNS", "udp4", netip.Addr{}, info4{ifindex: index}.oob(), at("224.0.0.251"), duoServer4Dev2},
		{"mDNS from a VIP", "udp4", netip.Addr{}, info4{ifindex: index, specDst: duoVIPs4[1]}.oob(), at("224.0.0.251"), duoVIPs4[1]},
		{"mDNS bound", "udp4", duoVIPs4[1], info4{ifindex: index}.oob(), at("224.0.0.251"), duoVIPs4[1]},
		{"DHCP", "udp4", netip.Addr{}, info4{ifindex: index}.oob(), at("255.255.255.255"), duoServer4Dev2},
		{"DHCP from a VIP", "udp4", netip.Addr{}, info4{ifindex: index, specDst: duoVIPs4[1]}.oob(), at("255.255.255.255"), duoVIPs4[1]},
		{"DHCP bound", "udp4", duoVIPs4[1], info4{ifindex: index}.oob(), at("255.255.255.255"), duoVIPs4[1]},
		{"mDNS, dual-stack", "udp", netip.Addr{}, info4{ifindex: index}.oob(), at("224.0.0.251"), duoServer4Dev2},
		{"DHCP, dual-stack", "udp", netip.Addr{}, info4{ifindex: index}.oob(), at("255.255.255.255"), duoServer4Dev2},
		{"DHCP, dual-stack, by an IPv6 message", "udp", netip.Addr{}, info6{netip.IPv6Unspecified(), index}.oob(), at("255.255.255.255"), duoServer4Dev2},
		{"mDNS in IPv6", "udp6", netip.Addr{}, info6{netip.IPv6Unspecified(), index}.oob(), at("ff02::fb"), linkLocal},
		{"mDNS in IPv6, dual-stack", "udp", netip.Addr{}, info6{netip.IPv6Unspecified(), index}.oob(), at("ff02::fb"), linkLocal},
		{"mDNS in IPv6 from an address", "udp6", netip.Addr{}, info6{linkLocal, index}.oob(), at("ff02::fb"), linkLocal},
		{"mDNS in IPv6 from a VIP", "udp6", netip.Addr{}, info6{duoVIPs6[1], index}.oob(), at("ff02::fb"), duoVIPs6[1]},
		{"mDNS in IPv6 bound", "udp6", duoVIPs6[1], info6{netip.IPv6Unspecified(), index}.oob(), at("ff02::fb"), duoVIPs6[1]},
		{"site", "udp6", netip.Addr{}, info6{netip.IPv6Unspecified(), index}.oob(), at("ff05::51"), duoServer6Dev2},
		{"site from a VIP", "udp6", netip.Addr{}, info6{duoVIPs6[1], index}.oob(), at("ff05::51"), duoVIPs6[1]},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := d.listenDSR(t, dsrudp.ListenConfig{}, tc.network, tc.bind)
			before := string(tc.oob)
			payload := duoPayload("by WriteMsgUDP")
			_, _, err := c.WriteMsgUDP([]byte(payload), tc.oob, net.UDPAddrFromAddrPort(tc.to))
			require.NoError(t, err)
			d.requireWayOut(t, duoDev2, payload, tc.want)

			payload = duoPayload("by WriteMsgUDPAddrPort")
			_, _, err = c.WriteMsgUDPAddrPort([]byte(payload), tc.oob, tc.to)
			require.NoError(t, err)
			d.requireWayOut(t, duoDev2, payload, tc.want)
			require.Equal(t, before, string(tc.oob), "control messages are the caller's")
			require.Zero(t, c.Stats().Refused+c.Stats().UnknownPath)
		})
	}
}

// The address of all routers of a network is an anycast address of each of
// them (RFC 4291, section 2.6.1), and one to answer from.
func TestK2_AnycastSource(t *testing.T) {
	d := newDuo(t)
	require.NoError(t, d.server.Sysctl("net.ipv6.conf.all.forwarding", "1"))
	anycast := duoNet6.Addr()
	duoIntroduce(t, d.client, duoDev, d.server, duoDev, anycast)
	routes, err := d.server.Netlink().RouteGet(anycast.AsSlice())
	require.NoError(t, err)
	require.Equal(t, unix.RTN_ANYCAST, routes[0].Type)

	for _, network := range k2Networks {
		for name, options := range k2Options {
			t.Run("bare/"+network+"/"+name, func(t *testing.T) {
				b, client := d.listen(t, network, netip.Addr{}, options...), d.dial(t, anycast)
				d.ask(t, client)
				r := b.receive()
				require.Equal(t, anycast, r.v6.addr)
				d.requireAccepted(t, client, b.answer(r, info6{addr: anycast}.oob()))
			})
		}
	}
	d.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
		// Also before anybody has written to it.
		payload := duoPayload("from the anycast address")
		_, err := c.WriteToPath([]byte(payload), dsrudp.Path{Local: guardVIP(anycast), Remote: d.unheard(t)})
		require.NoError(t, err)
		d.requireSentFrom(t, payload, anycast)
		for _, w := range guardWays {
			d.requireAnswered(t, c, w, d.dial(t, anycast), d.dial(t, duoVIPs6[0]), d.dial(t, anycast))
		}
	})
	t.Run("dsrudp/bound", func(t *testing.T) {
		c := d.listenDSR(t, dsrudp.ListenConfig{}, "udp6", anycast)
		for _, w := range dsrWays {
			d.requireAnswered(t, c, w, d.dial(t, anycast))
		}
	})
}

// Two thousand VIPs of one range, each with a client of its own, of which a
// hundred at a time ask before any is answered. Then the range is withdrawn,
// and none of them is a source any more.
func TestK2_ManyVIPs(t *testing.T) {
	const vips, atOnce = 2000, 100
	d := newDuo(t)
	c := d.listenDSR(t, dsrudp.ListenConfig{}, "udp6", netip.Addr{})
	vip := duoRange.Addr()
	for i := range vips / atOnce {
		var clients []*net.UDPConn
		require.NoError(t, d.client.Do(func() error {
			for range atOnce {
				// Addresses all over the range.
				b := vip.As16()
				b[12], b[15] = byte(i*7), b[15]+1
				vip = netip.AddrFrom16(b)
				u, err := net.DialUDP("udp6", &net.UDPAddr{Port: 20000 + i*atOnce + len(clients)}, net.UDPAddrFromAddrPort(guardVIP(vip)))
				if err != nil {
					return err
				}
				clients = append(clients, siteConn(t, u))
			}
			return nil
		}))
		d.requireAnswered(t, c, dsrWays[i%len(dsrWays)], clients...)
		for _, u := range clients {
			require.NoError(t, u.Close())
		}
	}
	require.Equal(t, dsrudp.Stats{PathEntries: vips, PathBytes: c.Stats().PathBytes}, c.Stats())

	to := d.unheard(t)
	write := func(payload string) error {
		_, err := c.WriteToPath([]byte(payload), dsrudp.Path{Local: guardVIP(vip), Remote: to})
		return err
	}
	require.NoError(t, write("still there"))
	require.NoError(t, d.server.DelLocalRoute(duoRange, duoDev))
	duoSoon(t, "a withdrawn VIP is refused", func() bool { return write("may still leave") != nil })
	bad := duoPayload("from a withdrawn range")
	dsrNotLocal(t, write(bad))
	d.requireSilence(t, bad)
}
