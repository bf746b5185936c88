package facts_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// eachServed runs f for Conns that a Server can read: of both kinds of sockets,
// and with the kernel joining datagrams or not.
func (s *site) eachServed(t *testing.T, f func(t *testing.T, c *dsrudp.Conn), networks ...string) {
	t.Helper()
	for _, network := range networks {
		for _, gro := range []bool{false, true} {
			t.Run(fmt.Sprintf("dsrudp/%s/GRO %v", network, gro), func(t *testing.T) {
				f(t, s.listenDSR(t, dsrudp.ListenConfig{GRO: gro}, network, netip.Addr{}))
			})
		}
	}
}

// Promise 4: through either balancer one client port talks to several VIPs and
// to the machine's own address, and none is answered before all have asked.
func TestPromise4_ServerOneClientPort(t *testing.T) {
	for _, balancer := range seedBalancers {
		t.Run(string(balancer), func(t *testing.T) {
			s, l := newSite(t, lab.Options{Balancer: balancer, VIPs: 5})
			s.eachServed(t, func(t *testing.T, c *dsrudp.Conn) {
				s.requireServed(t, c, s.dialOnePort(t, append(s.vips, s.own)...)...)
				require.Zero(t, c.Stats().LostPath)
			}, "udp4", "udp")
			s.eachServed(t, func(t *testing.T, c *dsrudp.Conn) {
				s.requireServed(t, c, append(s.dialOnePort(t, l.VIPs6...), s.dialAll(t)...)...)
			}, "udp")
		})
	}
}

// Promise 4: IPv6 VIPs that are local routes only, single ones and a range.
func TestPromise4_ServerLocalRoutes(t *testing.T) {
	d := newDuo(t)
	d.eachServed(t, func(t *testing.T, c *dsrudp.Conn) {
		d.requireServed(t, c, d.dialOnePort(t, d.vips...)...)
	}, k2Networks...)
	for _, balancer := range seedBalancers {
		t.Run(string(balancer), func(t *testing.T) {
			s, l := newSite(t, lab.Options{Balancer: balancer, V6Prefix: true})
			s.eachServed(t, func(t *testing.T, c *dsrudp.Conn) {
				s.requireServed(t, c, s.dialOnePort(t, l.VIPs6...)...)
			}, k2Networks...)
		})
	}
}

// Promise 2: what a Server answers goes the routing table's way, which is not the
// way that the request came.
func TestPromise2_ServerAsymmetric(t *testing.T) {
	s, l := newSite(t, lab.Options{Asymmetric: true})
	out := labtest.Capture(t, s.server, "eth1")
	answered := func(t *testing.T, c *dsrudp.Conn, clients []*net.UDPConn) {
		serve(t, &dsrudp.Server{Handler: echoing(t)}, c)
		for _, client := range clients {
			request := s.ask(t, client)
			s.requireAccepted(t, client, request)
			siteSent(t, out, request)
		}
	}
	s.eachServed(t, func(t *testing.T, c *dsrudp.Conn) { answered(t, c, s.dialAll(t)) }, "udp4", "udp")
	s.vips = l.VIPs6
	s.eachServed(t, func(t *testing.T, c *dsrudp.Conn) { answered(t, c, s.dialAll(t)) }, k2Networks...)
}

// Promise 3: a Server's answer to a request that was for all comes from the
// receiving interface's own address, also where the way back is another.
func TestPromise3_ServerGroup(t *testing.T) {
	for _, asymmetric := range []bool{false, true} {
		s := newGroupSite(t, asymmetric)
		for _, network := range bareNetworks {
			t.Run(fmt.Sprintf("dsrudp/%s/asymmetric %v", network, asymmetric), func(t *testing.T) {
				c := s.listenDSR(t, dsrudp.ListenConfig{Control: bareControl(s.join(t))}, network, netip.Addr{})
				groups := make(chan netip.Addr, len(groups4))
				serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
					groups <- p.OrigDst
					echoing(t).ServePacket(w, p)
				})}, c)
				for _, group := range groups4 {
					s.ask(t, group)
					s.requireAnswer(t, "request to "+group.String())
					require.Equal(t, group, <-groups)
				}
				require.Zero(t, c.Stats().LostPath)
			})
		}
	}
}
