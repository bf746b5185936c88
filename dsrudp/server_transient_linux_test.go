package dsrudp_test

import (
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestServerTransientError: on a connected socket a read fails when the peer has
// refused a datagram. That is told, and the peer is served when it is back. The
// pauses between failing reads do not add up over good ones: this would take half
// a minute.
func TestServerTransientError(t *testing.T) {
	const rounds = 16
	peer, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	at := addrPortOf(peer.LocalAddr())
	require.NoError(t, peer.Close())
	c := adopt(t, dial(t, netip.AddrPort{}, at))
	onError, all := telling()
	serve(t, &dsrudp.Server{Handler: echoing(t), OnError: onError}, c)
	for range rounds {
		_, err := c.Write([]byte("is anybody there"))
		require.NoError(t, err)
		e := await(t, all)
		require.Zero(t, e.path)
		require.ErrorIs(t, e.err, syscall.ECONNREFUSED)
		var op *net.OpError
		require.ErrorAs(t, e.err, &op)
		require.Equal(t, "read", op.Op)

		x := dial(t, at, addrPortOf(c.LocalAddr()))
		enqueue(t, 1, x)
		requireEchoes(t, 1, x)
		require.NoError(t, x.Close())
	}
	require.Empty(t, all)
}

// TestShutdownDrainsRefused: nor do such errors end Shutdown's drain, though
// there is one after every answer.
func TestShutdownDrainsRefused(t *testing.T) {
	const n = 5
	peer := dial(t, netip.AddrPort{}, netip.MustParseAddrPort("127.0.0.1:9"))
	c := adopt(t, dial(t, netip.AddrPort{}, addrPortOf(peer.LocalAddr())))
	peer = redial(t, peer, c)
	enqueue(t, n, peer)
	require.NoError(t, peer.Close())
	in, release := make(chan struct{}), make(chan struct{})
	calls := 0
	s := &dsrudp.Server{BatchSize: 1, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if calls++; calls == 1 {
			close(in)
			<-release
		}
		echoing(t).ServePacket(w, p)
	})}
	k := &stuck{Server: s, serving: serve(t, s, c)}
	await(t, in)
	result := k.shut(t, t.Context())
	close(release)
	require.NoError(t, await(t, result))
	require.Equal(t, dsrudp.ErrServerClosed, k.wait(t))
	require.Equal(t, n, calls)
}

// redial connects x's port to c.
func redial(t *testing.T, x *net.UDPConn, c *dsrudp.Conn) *net.UDPConn {
	t.Helper()
	at := addrPortOf(x.LocalAddr())
	require.NoError(t, x.Close())
	return dial(t, at, addrPortOf(c.LocalAddr()))
}
