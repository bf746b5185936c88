package dsrudp_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// closings are the ways to close a Conn while its handler runs.
var closings = map[string]func(c *dsrudp.Conn) error{
	"by the handler": (*dsrudp.Conn).Close,
	"by a goroutine that the handler waits for": func(c *dsrudp.Conn) error {
		closed := make(chan error)
		go func() { closed <- c.Close() }()
		return <-closed
	},
}

// TestCloseInHandler: it does not wait for the handler, and from then on every
// call fails as on any closed Conn. The handler's answers still leave; it is not
// called again, and the Conn is closed when Serve returns.
func TestCloseInHandler(t *testing.T) {
	for name, closing := range closings {
		t.Run(name, func(t *testing.T) {
			c := listen(t, "udp", ":0")
			x := dialVIP(t, c, netip.IPv6Loopback())
			enqueue(t, 3, x)
			calls := 0
			v := serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				calls++
				if calls == 2 {
					assert.NoError(t, closing(c))
					requireAllClosed(t, c, p.Path)
				}
				echoing(t).ServePacket(w, p)
			})}, c)
			requireEchoes(t, 2, x)
			require.Equal(t, net.ErrClosed.Error(), v.wait(t).Error())
			require.Equal(t, 2, calls)
			requireAllClosed(t, c, dsrudp.Path{Local: addrPortOf(x.RemoteAddr()), Remote: addrPortOf(x.LocalAddr())})
			requireFree(t, c)
		})
	}
}

// requireAllClosed requires that calls fail as net's do after Close.
func requireAllClosed(t *testing.T, c *dsrudp.Conn, p dsrudp.Path) {
	t.Helper()
	closed := func(op string, err error) {
		t.Helper()
		assert.ErrorIs(t, err, net.ErrClosed, op)
		var oe *net.OpError
		if assert.ErrorAs(t, err, &oe) {
			assert.Equal(t, op, oe.Op)
		}
	}
	for _, read := range readers {
		closed("read", read(c))
	}
	_, err := c.ReadPackets([]dsrudp.Packet{{Buf: make([]byte, 1)}})
	closed("read", err)
	_, err = c.WriteToPath([]byte("closed"), p)
	closed("write", err)
	_, err = c.WriteToUDPAddrPort([]byte("closed"), p.Remote)
	closed("write", err)
	ps := []dsrudp.Packet{{Buf: []byte("closed"), N: 6, Path: p}}
	n, err := c.WritePackets(ps)
	assert.Zero(t, n)
	closed("write", ps[0].Err)
	assert.ErrorIs(t, err, net.ErrClosed)
	closed("set", c.SetDeadline(time.Time{}))
	closed("set", c.SetReadDeadline(time.Now().Add(time.Hour)))
	closed("set", c.SetWriteDeadline(time.Time{}))
	closed("close", c.Close())

	n1, err := net.ListenPacket("udp", ":0")
	if !assert.NoError(t, err) {
		return
	}
	assert.NoError(t, n1.Close())
	nets, ours := new(net.OpError), new(net.OpError)
	assert.ErrorAs(t, n1.Close(), &nets)
	assert.ErrorAs(t, c.Close(), &ours)
	nets.Source = ours.Source // another address
	assert.Equal(t, nets, ours)
}

// TestCloseIdle: Close ends the serving of an idle Conn, and of no other.
func TestCloseIdle(t *testing.T) {
	a, b := listen(t, "udp", ":0"), listen(t, "udp", ":0")
	x, y := dialVIP(t, a, netip.IPv6Loopback()), dialVIP(t, b, netip.IPv6Loopback())
	v := serve(t, &dsrudp.Server{Handler: echoing(t)}, a, b)
	begun(t, x)
	begun(t, y)
	require.NoError(t, a.Close())
	begun(t, y)
	require.NoError(t, b.Close())
	require.ErrorIs(t, v.wait(t), net.ErrClosed)
	requireFree(t, a)
	requireFree(t, b)
}
