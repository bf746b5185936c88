package facts_test

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// K2.3: an address that is only a local route can be bound with IPV6_FREEBIND
// alone, and then any other can be bound too.
func TestK2_3_BindToVIP(t *testing.T) {
	d := newDuo(t)
	mistyped := []netip.Addr{netip.MustParseAddr("2001:db8:51::3"), netip.MustParseAddr("2001:db8:97::1")}
	for _, network := range k2Networks {
		t.Run("bare/"+network, func(t *testing.T) {
			for _, a := range append(d.vips[:len(d.vips):len(d.vips)], mistyped...) {
				require.ErrorIs(t, d.listenErr(t, network, a), unix.EADDRNOTAVAIL)
				require.NoError(t, d.listenErr(t, network, a, bareFreebind))
			}
		})
		t.Run("dsrudp/"+network, func(t *testing.T) {
			// One socket for each VIP, all on one port.
			clients := d.dialAll(t)
			for _, w := range dsrWays {
				var cs []*dsrudp.Conn
				for i, vip := range d.vips {
					cs = append(cs, d.listenDSR(t, dsrudp.ListenConfig{}, network, vip))
					require.Equal(t, guardVIP(vip), siteAddr(cs[i].LocalAddr()))
				}
				for i, client := range clients {
					d.requireAnswered(t, cs[i], w, client)
					require.NoError(t, cs[i].Close())
				}
			}
			for _, a := range mistyped {
				require.NoError(t, d.server.Do(func() error {
					laddr := net.UDPAddrFromAddrPort(guardVIP(a))
					_, err := dsrudp.ListenUDP(network, laddr)
					require.ErrorIs(t, err, unix.EADDRNOTAVAIL)
					_, want := net.ListenUDP(network, laddr)
					require.EqualError(t, err, want.Error())
					return nil
				}))
			}
		})
	}
}

// listenErr returns the error that net gives when it binds a.
func (d *duo) listenErr(t *testing.T, network string, a netip.Addr, options ...bareOption) error {
	t.Helper()
	return d.server.Do(func() error {
		lc := net.ListenConfig{Control: bareControl(options...)}
		c, err := lc.ListenPacket(context.Background(), network, siteAddress(a))
		if err == nil {
			err = c.Close()
		}
		return err
	})
}

// A socket bound with FreeBind before its VIP is there sends from it when it is,
// and not before, by no way of sending; the kernel would let it.
func TestK2_3_FreeBindBeforeVIP(t *testing.T) {
	d := newDuo(t)
	later := netip.MustParseAddr("2001:db8:52::1")
	b := d.listen(t, "udp6", later, bareFreebind)
	payload := duoPayload("from an address to come")
	_, err := b.WriteToUDPAddrPort([]byte(payload), d.unheard(t))
	require.NoError(t, err)
	d.requireSentFrom(t, payload, later)
	require.NoError(t, b.Close())

	for _, network := range k2Networks {
		t.Run("dsrudp/"+network, func(t *testing.T) {
			c, to := d.listenDSR(t, dsrudp.ListenConfig{FreeBind: true}, network, later), d.unheard(t)
			bad := []string{duoPayload("too early"), duoPayload("too early"), duoPayload("too early")}
			_, err := c.WriteToUDPAddrPort([]byte(bad[0]), to)
			dsrNotLocal(t, err)
			_, err = c.WriteTo([]byte(bad[1]), net.UDPAddrFromAddrPort(to))
			dsrNotLocal(t, err)
			_, _, err = c.WriteMsgUDP([]byte(bad[2]), nil, net.UDPAddrFromAddrPort(to))
			dsrNotLocal(t, err)
			d.requireSilence(t, bad...)

			p := netip.PrefixFrom(later, 128)
			require.NoError(t, d.server.AddLocalRoute(p, duoDev))
			for _, w := range dsrWays {
				d.requireAnswered(t, c, w, d.dial(t, later))
			}
			require.NoError(t, d.server.DelLocalRoute(p, duoDev))
		})
	}
}

// K2.4: an address of an interface, lo here, needs no option.
func TestK2_4_VIPOnLoopbackInterface(t *testing.T) {
	d := newDuo(t)
	d.vips = []netip.Addr{netip.MustParseAddr("2001:db8:53::1"), netip.MustParseAddr("2001:db8:53::2")}
	for _, vip := range d.vips {
		require.NoError(t, d.server.AddAddr("lo", netip.PrefixFrom(vip, 128)))
	}
	for _, network := range k2Networks {
		for name, options := range k2Options {
			t.Run("bare/"+network+"/"+name, func(t *testing.T) {
				b := d.listen(t, network, netip.Addr{}, options...)
				for _, client := range d.dialAll(t) {
					d.ask(t, client)
					r := b.receive()
					d.requireAccepted(t, client, b.answer(r, info6{addr: r.v6.addr}.oob()))
				}
				for _, vip := range d.vips {
					require.NoError(t, b.Close())
					b = d.listen(t, network, vip, options...)
					client := d.dial(t, vip)
					d.ask(t, client)
					d.requireAccepted(t, client, b.answer(b.receive(), nil))
				}
			})
		}
		t.Run("dsrudp/"+network, func(t *testing.T) {
			for _, w := range dsrWays {
				c := d.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
				d.requireAnswered(t, c, w, d.dialAll(t)...)
				require.NoError(t, c.Close())
				for i, client := range d.dialAll(t) {
					c := d.listenDSR(t, dsrudp.ListenConfig{}, network, d.vips[i])
					d.requireAnswered(t, c, w, client)
					require.NoError(t, c.Close())
				}
			}
		})
	}
}
