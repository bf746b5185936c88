package dsrudp_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A told is what OnError was told.
type told struct {
	path dsrudp.Path
	err  error
}

// telling returns an OnError and what it is told.
func telling() (func(dsrudp.Path, error), chan told) {
	all := make(chan told, 64)
	return func(p dsrudp.Path, err error) { all <- told{p, err} }, all
}

// requireWriteError requires that err has the shape that net gives it.
func requireWriteError(t *testing.T, err, is error, remote netip.AddrPort) {
	t.Helper()
	assert.ErrorIs(t, err, is)
	var op *net.OpError
	if assert.ErrorAs(t, err, &op) {
		assert.Equal(t, "write", op.Op)
		assert.Equal(t, remote.String(), op.Addr.String())
	}
}

// TestReplyErrors: Write and WritePacket say at once what is known at once. The
// datagrams around it are answered.
func TestReplyErrors(t *testing.T) {
	foreign := netip.MustParseAddr("2001:db8::77")
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, netip.IPv6Loopback())
	enqueue(t, 3, x)
	onError, all := telling()
	v := serve(t, &dsrudp.Server{OnError: onError, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		q := *p
		q.Path.Local = netip.AddrPort{}
		requireWriteError(t, w.WritePacket(&q), dsrudp.ErrNoPath, p.Path.Remote)
		for _, local := range []netip.AddrPort{
			netip.AddrPortFrom(foreign, 0),
			netip.AddrPortFrom(vips[0], 0), // of another family
			netip.AddrPortFrom(p.Path.Local.Addr(), portOf(c)+1),
		} {
			q.Path.Local = local
			requireWriteError(t, w.WritePacket(&q), dsrudp.ErrNotLocal, p.Path.Remote)
		}
		q = *p
		q.Path.Remote = netip.AddrPort{}
		assert.Error(t, w.WritePacket(&q))
		q = *p
		q.N = len(q.Buf) + 1
		assert.ErrorContains(t, w.WritePacket(&q), "Packet.N")
		echoing(t).ServePacket(w, p)
	})}, c)
	requireEchoes(t, 3, x)
	require.EqualValues(t, 3*4, c.Stats().Refused)
	require.NoError(t, c.Close())
	require.ErrorIs(t, v.wait(t), net.ErrClosed)
	require.Empty(t, all, "OnError is told what Write said already")
}
