package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A socket of another network namespace, adopted by a thread that may not enter
// it to ask which addresses are local: the guard must be the kernel's or none.
func TestGuard_ForbiddenNamespace(t *testing.T) {
	d := newDuo(t)
	d.vips = []netip.Addr{netip.MustParseAddr("2001:db8:53::1"), netip.MustParseAddr("2001:db8:53::2")}
	for _, vip := range d.vips {
		require.NoError(t, d.server.AddAddr("lo", netip.PrefixFrom(vip, 128)))
	}
	adopt := func(t *testing.T, options ...bareOption) (u *net.UDPConn, c *dsrudp.Conn, err error) {
		u = d.listen(t, "udp6", netip.Addr{}, options...).UDPConn
		at := &site{server: d.client}
		at.unprivileged(t, func() { c, err = dsrudp.NewConn(u) })
		return u, c, err
	}
	t.Run("plain", func(t *testing.T) {
		_, c, err := adopt(t)
		require.NoError(t, err)
		siteConn(t, c)
		for _, w := range dsrWays {
			d.requireAnswered(t, c, w, d.dialAll(t)...)
		}
		to := d.unheard(t)
		for _, src := range []netip.Addr{netip.MustParseAddr("2001:db8:bad::1"), netip.MustParseAddr("ff0e::1234"), k2Loopback} {
			for _, w := range guardSends {
				bad := duoPayload("never to leave, by " + w.name)
				require.Error(t, w.send(c, bad, info6{addr: src}, to), "%v", src)
				d.requireSilence(t, bad)
			}
		}
	})
	t.Run("FREEBIND", func(t *testing.T) {
		u, _, err := adopt(t, bareFreebind)
		require.ErrorContains(t, err, "IP_FREEBIND")
		_, err = u.WriteToUDPAddrPort([]byte("still the caller's"), d.unheard(t))
		require.NoError(t, err)
	})
}

// With IP_TRANSPARENT the kernel lets foreign sources out in both families, and
// the guard over both is the library's.
func TestGuard_Transparent(t *testing.T) {
	d := newDuo(t)
	transparent := bareOn(unix.IPPROTO_IP, unix.IP_TRANSPARENT)
	foreign4, foreign6 := netip.MustParseAddr("203.0.113.99"), netip.MustParseAddr("2001:db8:bad::1")
	var to4 netip.AddrPort
	require.NoError(t, d.client.Do(func() error {
		u, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(duoClient4, 0)))
		if err == nil {
			to4 = siteAddr(siteConn(t, u).LocalAddr())
		}
		return err
	}))
	to6 := d.unheard(t)
	for _, network := range bareNetworks {
		t.Run(network, func(t *testing.T) {
			b := d.listen(t, network, netip.Addr{}, transparent)
			payload := duoPayload("spoofed")
			_, _, err := b.WriteMsgUDPAddrPort([]byte(payload), info4{specDst: foreign4}.oob(), to4)
			require.NoError(t, err)
			d.requireSentFrom(t, payload, foreign4)
			if network == "udp" {
				payload = duoPayload("spoofed")
				_, _, err = b.WriteMsgUDPAddrPort([]byte(payload), info6{addr: foreign6}.oob(), to6)
				require.NoError(t, err)
				d.requireSentFrom(t, payload, foreign6)
			}

			c := guardConn(t, b.UDPConn)
			bad := []string{duoPayload("by WritePacket"), duoPayload("by WriteMsgUDP")}
			_, err = c.WriteToPath([]byte(bad[0]), dsrudp.Path{Local: guardVIP(foreign4), Remote: to4})
			dsrNotLocal(t, err)
			_, _, err = c.WriteMsgUDPAddrPort([]byte(bad[1]), info4{specDst: foreign4}.oob(), to4)
			dsrNotLocal(t, err)
			if network == "udp" {
				for _, w := range guardSends {
					bad = append(bad, duoPayload("by "+w.name))
					dsrNotLocal(t, w.send(c, bad[len(bad)-1], info6{addr: foreign6}, to6))
				}
			}
			d.requireSilence(t, bad...)

			d.requireAnswered(t, c, dsrPacket, d.dial(t, duoVIPs4[0]), d.dial(t, duoVIPs4[1]))
			if network == "udp" {
				d.requireAnswered(t, c, dsrPacket, d.dialAll(t)...)
			}
		})
	}
}

// A caller that sets IPV6_FREEBIND by itself may bind to what it likes. It
// does not thereby send from it.
func TestGuard_FreebindOfCaller(t *testing.T) {
	d := newDuo(t)
	lc := dsrudp.ListenConfig{Control: bareControl(bareFreebind)}
	for _, network := range k2Networks {
		t.Run(network, func(t *testing.T) {
			foreign, to := netip.MustParseAddr("2001:db8:bad::1"), d.unheard(t)
			c, bad := d.listenDSR(t, lc, network, foreign), duoPayload("bound to a foreign address")
			_, err := c.WriteToUDPAddrPort([]byte(bad), to)
			dsrNotLocal(t, err)
			d.requireSilence(t, bad)
			require.NoError(t, c.Close())

			c = d.listenDSR(t, lc, network, netip.Addr{})
			for _, w := range guardSends {
				bad := duoPayload("by " + w.name)
				dsrNotLocal(t, w.send(c, bad, info6{addr: foreign}, to))
				d.requireSilence(t, bad)
			}
			d.requireAnswered(t, c, dsrPacket, d.dialAll(t)...)
		})
	}
}
