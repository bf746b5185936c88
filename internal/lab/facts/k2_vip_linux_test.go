package facts_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// k2Networks are those of the sockets that take IPv6.
var k2Networks = []string{"udp6", "udp"}

// k2Options are a socket's options without and with IPV6_FREEBIND.
var k2Options = map[string][]bareOption{"plain": {barePktinfo6}, "FREEBIND": {barePktinfo6, bareFreebind}}

// K2.1: what is received for a VIP names it, for a range as well.
func TestK2_1_ReceivedDestination(t *testing.T) {
	d := newDuo(t)
	for _, network := range k2Networks {
		for name, options := range k2Options {
			t.Run("bare/"+network+"/"+name, func(t *testing.T) {
				b := d.listen(t, network, netip.Addr{}, options...)
				for _, vip := range d.vips {
					d.ask(t, d.dial(t, vip))
					require.Equal(t, &info6{addr: vip, ifindex: siteIndex(t, d.server, duoDev)}, b.receive().v6)
				}
			})
		}
	}
	d.eachServer(t, func(t *testing.T, c *dsrudp.Conn, vips []netip.Addr) {
		for _, vip := range vips {
			client := d.dial(t, vip)
			d.ask(t, client)
			want := dsrudp.Path{Local: guardVIP(vip), Remote: siteAddr(client.LocalAddr())}
			_, p, err := c.ReadFromPath(make([]byte, 2048))
			require.NoError(t, err)
			require.Equal(t, want, p)

			d.ask(t, client)
			_, addr, err := c.ReadFrom(make([]byte, 2048))
			require.NoError(t, err)
			p, ok := dsrudp.PathOf(addr)
			require.True(t, ok)
			require.Equal(t, want, p)
			p, ok = c.PathTo(want.Remote)
			require.True(t, ok)
			require.Equal(t, want, p)
		}
		require.Zero(t, c.Stats().LostPath)
	})
}

// K2.2: the kernel does not send from an address that is only a local route,
// unless the socket has IPV6_FREEBIND.
func TestK2_2_SendFromVIP(t *testing.T) {
	d := newDuo(t)
	for _, network := range k2Networks {
		t.Run("bare/"+network, func(t *testing.T) {
			b := d.listen(t, network, netip.Addr{})
			for _, vip := range d.vips {
				client := d.dial(t, vip)
				d.ask(t, client)
				r := b.receive()
				answer, err := b.tryAnswer(r, info6{addr: vip}.oob())
				require.ErrorIs(t, err, unix.EINVAL)
				d.requireSilence(t, answer)
				// Nor is what the kernel chooses of any use.
				d.requireRejected(t, client, b.answer(r, nil), duoServer6)

				b.set(bareFreebind)
				d.requireAccepted(t, client, b.answer(r, info6{addr: vip}.oob()))
				b.set(bareOff(unix.IPPROTO_IPV6, unix.IPV6_FREEBIND))
			}
		})
	}
	d.eachServer(t, func(t *testing.T, c *dsrudp.Conn, vips []netip.Addr) {
		for _, w := range guardWays {
			t.Run(w.name, func(t *testing.T) {
				d.requireAnswered(t, c, w, d.dialVIPs(t, vips)...)
			})
		}
		require.Zero(t, c.Stats().Refused)
	})
}

// The same behind balancers, with a route for each VIP and with one for all.
func TestK2_2_SendFromVIPBehindBalancer(t *testing.T) {
	for _, balancer := range []lab.Balancer{lab.ECMP, lab.Maglev} {
		for _, asRange := range []bool{false, true} {
			s, l := newSite(t, lab.Options{Balancer: balancer, V6Prefix: asRange})
			s.vips, s.own = l.VIPs6, l.Backends[0].Internal6
			t.Run(fmt.Sprintf("%s/range %v", balancer, asRange), func(t *testing.T) {
				b := s.listen(t, "udp6", netip.Addr{})
				client := s.dial(t, s.vips[1])
				s.ask(t, client)
				s.requireRejected(t, client, b.answer(b.receive(), nil), s.own)
				b.Close()
				for _, network := range k2Networks {
					c := s.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
					for _, w := range dsrWays {
						s.requireAnswered(t, c, w, s.dialAll(t)...)
					}
					c.Close()
				}
			})
		}
	}
}

// One port of the client talks to two VIPs, both requests are received before
// either is answered, and the answers go out in reverse.
func TestK2_2_OnePortTwoVIPs(t *testing.T) {
	d := newDuo(t)
	pairs := [][2]netip.Addr{{duoVIPs6[0], duoVIPs6[1]}, {duoRangeVIPs[0], duoRangeVIPs[1]}, {duoVIPs6[1], duoRangeVIPs[1]}}
	d.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
		for _, w := range []dsrWay{dsrPacket, dsrCarried, dsrEchoed, guardCarriedMsg} {
			t.Run(w.name, func(t *testing.T) {
				for _, vips := range pairs {
					d.requireAnswered(t, c, w, d.dialOnePort(t, vips[0], vips[1])...)
				}
			})
		}
		// A call that is given only the remote cannot know which: it takes the
		// last one, and says so.
		x := d.dialOnePort(t, duoVIPs6[0], duoVIPs6[1])
		var from netip.AddrPort
		for _, client := range x {
			d.ask(t, client)
			var err error
			_, from, err = c.ReadFromUDPAddrPort(make([]byte, 2048))
			require.NoError(t, err)
		}
		_, err := c.WriteToUDPAddrPort([]byte("to the last"), from)
		require.NoError(t, err)
		d.requireAccepted(t, x[1], "to the last")
		require.EqualValues(t, 1, c.Stats().AmbiguousPath)
	})
}

// dialOnePort returns clients of two VIPs that share one port.
func (d *duo) dialOnePort(t *testing.T, vips ...netip.Addr) []*net.UDPConn {
	t.Helper()
	var port netip.AddrPort
	var cs []*net.UDPConn
	for _, vip := range vips {
		dialer := net.Dialer{Control: bareControl(bareOn(unix.SOL_SOCKET, unix.SO_REUSEADDR))}
		if port.IsValid() {
			dialer.LocalAddr = net.UDPAddrFromAddrPort(port)
		}
		require.NoError(t, d.client.Do(func() error {
			c, err := dialer.DialContext(context.Background(), "udp", guardVIP(vip).String())
			if err == nil {
				cs = append(cs, siteConn(t, c.(*net.UDPConn)))
			}
			return err
		}))
		port = siteAddr(cs[0].LocalAddr())
	}
	return cs
}
