package dsrudp_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestServerTwoVIPs: one client port talks to two VIPs. All requests wait in the
// kernel before the first is answered, more than one batch of them, and each
// answer comes from the right one.
func TestServerTwoVIPs(t *testing.T) {
	const n = 50
	for _, w := range wildcards {
		for name, handler := range map[string]dsrudp.Handler{
			"WritePacket": echoing(t),
			"Write": dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				_, err := w.Write(p.Payload())
				assert.NoError(t, err)
			}),
		} {
			t.Run(w.network+w.address+"/"+name, func(t *testing.T) {
				c := listen(t, w.network, w.address)
				x, y := dialOnePort(t, c, vips[0], vips[1])
				enqueue(t, n, x, y)
				serve(t, &dsrudp.Server{Handler: handler}, c)
				requireEchoes(t, n, x, y)
				require.Zero(t, c.Stats().Refused)
				require.Zero(t, c.Stats().LostPath)
			})
		}
	}
}

// TestServerIPv6: a dual-stack socket serves both families in one batch.
func TestServerIPv6(t *testing.T) {
	const n = 20
	for network, dsts := range map[string][]netip.Addr{
		"udp6": {netip.IPv6Loopback()},
		"udp":  {netip.IPv6Loopback(), vips[0], vips[1]},
	} {
		t.Run(network, func(t *testing.T) {
			c := listen(t, network, ":0")
			var clients []*net.UDPConn
			for _, dst := range dsts {
				clients = append(clients, dialVIP(t, c, dst))
			}
			enqueue(t, n, clients...)
			serve(t, &dsrudp.Server{Handler: echoing(t)}, c)
			requireEchoes(t, n, clients...)
		})
	}
}

// TestServerBound: a Conn that is bound to the address it is asked at.
func TestServerBound(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		c := listen(t, "udp", address)
		x := dial(t, netip.AddrPort{}, addrPortOf(c.LocalAddr()))
		paths := make(chan dsrudp.Path, 1)
		serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			paths <- p.Path
			echoing(t).ServePacket(w, p)
		})}, c)
		enqueue(t, 1, x)
		requireEchoes(t, 1, x)
		require.Equal(t, dsrudp.Path{Local: addrPortOf(c.LocalAddr()), Remote: addrPortOf(x.LocalAddr())}, await(t, paths))
	}
}

// TestServerBatchSize: of any size that is possible, and with more datagrams
// waiting than one batch takes, none is left and all are in order.
func TestServerBatchSize(t *testing.T) {
	const n = 100
	for _, size := range []int{0, 1, 2, 10, 31, 32} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			c := listen(t, "udp", ":0")
			x := dialVIP(t, c, netip.MustParseAddr("127.0.0.1"))
			enqueue(t, n, x)
			serve(t, &dsrudp.Server{Handler: echoing(t), BatchSize: size}, c)
			requireEchoes(t, n, x)
		})
	}
}

// TestServerSilent: the same when nothing is answered. Answers, when they have
// been sent, make the poller look at the socket once more.
func TestServerSilent(t *testing.T) {
	const n = 100
	for _, size := range []int{1, 32} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			c := listen(t, "udp", ":0")
			x := dialVIP(t, c, netip.IPv6Loopback())
			enqueue(t, n, x)
			got := make(chan string, n)
			serve(t, &dsrudp.Server{BatchSize: size, Handler: dsrudp.HandlerFunc(func(_ dsrudp.ReplyWriter, p *dsrudp.Packet) {
				got <- string(p.Payload())
			})}, c)
			for i := range n {
				require.Equal(t, request(x, i), await(t, got))
			}
		})
	}
}

// TestServerManyConns: a Server's Conns do not wait for each other.
func TestServerManyConns(t *testing.T) {
	a, b := listen(t, "udp", ":0"), listen(t, "udp", ":0")
	x, y := dialVIP(t, a, netip.IPv6Loopback()), dialVIP(t, b, netip.IPv6Loopback())
	inA, release := make(chan struct{}), make(chan struct{})
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if w.Conn() == a {
			inA <- struct{}{}
			<-release
		}
		echoing(t).ServePacket(w, p)
	})}, a, b)
	enqueue(t, 1, x)
	await(t, inA)
	enqueue(t, 1, y)
	requireEchoes(t, 1, y)
	close(release)
	requireEchoes(t, 1, x)
}
