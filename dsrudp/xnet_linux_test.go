package dsrudp_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

var (
	_ batchConn = (*dsrudp.Conn)(nil)
	_ batchConn = (*ipv4.PacketConn)(nil)
	_ batchConn = (*ipv6.PacketConn)(nil)
)

// TestBatchTwoVIPs: the addresses of a batch carry the Path of each message, and
// a batch sent back goes those ways.
func TestBatchTwoVIPs(t *testing.T) {
	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		x, y := dialOnePort(t, c, vips[0], vips[1])
		const rounds = 20 // more than one call takes
		for i := range rounds {
			write(t, x, fmt.Sprint("x", i))
			write(t, y, fmt.Sprint("y", i))
		}
		ms := messages(2*rounds, 64)
		readBatch(t, c, ms)
		for i, m := range ms {
			p, ok := dsrudp.PathOf(m.Addr)
			require.True(t, ok)
			require.Equal(t, pathFrom(c, vips[i%2], x), p)
			require.Equal(t, fmt.Sprint("xy"[i%2:i%2+1], i/2), string(m.Buffers[0][:m.N]))
			require.Zero(t, m.NN)
			require.Zero(t, m.Flags)
		}
		for rest := sent(ms); len(rest) > 0; {
			n, err := c.WriteBatch(rest, 0)
			require.NoError(t, err)
			rest = rest[n:]
		}
		for i := range rounds {
			require.Equal(t, fmt.Sprint("x", i), read(t, x))
			require.Equal(t, fmt.Sprint("y", i), read(t, y))
		}
		require.Zero(t, c.Stats().UnknownPath)
	}
}

// TestWriteBatchConnected: on a connected socket messages have no address, as
// with x/net.
func TestWriteBatchConnected(t *testing.T) {
	x := listen(t, "udp4", "127.0.0.1:0")
	c := adopt(t, dial(t, vipPort0, addrPortOf(x.LocalAddr())))
	n, err := c.WriteBatch([]ipv4.Message{message("1", nil), message("2", nil), message("3", x.LocalAddr())}, 0)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	n, err = c.WriteBatch([]ipv4.Message{message("3", x.LocalAddr())}, 0)
	require.Zero(t, n)
	require.ErrorIs(t, err, net.ErrWriteToConnected)
	ms := messages(2, 8)
	readBatch(t, x, ms)
	for i, m := range ms {
		require.Equal(t, fmt.Sprint(i+1), string(m.Buffers[0][:m.N]))
		require.Equal(t, c.LocalAddr().String(), m.Addr.String())
	}
	_, err = x.WriteBatch(sent(ms), 0)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	readBatch(t, c, ms)
}

// TestWriteBatchErrorsLikeXNet: the same mistakes, as far as x/net makes them
// errors of *net.OpError.
func TestWriteBatchErrorsLikeXNet(t *testing.T) {
	ours, _, xnets := bothBatches(t, "udp4", ":0")
	for _, m := range []ipv4.Message{
		message(string(make([]byte, 65508)), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:9"))),
		message("x", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0"))),
	} {
		n, want := xnets.WriteBatch([]ipv4.Message{m}, 0)
		require.LessOrEqual(t, n, 0)
		n, got := ours.WriteBatch([]ipv4.Message{m}, 0)
		require.Zero(t, n)
		var w, g *net.OpError
		require.ErrorAs(t, want, &w)
		require.ErrorAs(t, got, &g)
		require.Equal(t, w.Op, g.Op)
		var errno syscall.Errno
		require.True(t, errors.As(want, &errno))
		require.ErrorIs(t, got, errno)
	}
}
