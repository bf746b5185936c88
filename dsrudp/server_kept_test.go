package dsrudp_test

import (
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestReplyWriterKeptOverBatches: a ReplyWriter that was kept is refused however
// many batches later, when another peer's datagram is in its one's place, and
// between batches. The other peer gets none of it.
func TestReplyWriterKeptOverBatches(t *testing.T) {
	const rounds = 5
	c := listen(t, "udp", ":0")
	x, y := dialVIP(t, c, netip.IPv6Loopback()), dialVIP(t, c, netip.IPv6Loopback())
	path := dsrudp.Path{Local: addrPortOf(x.RemoteAddr()), Remote: addrPortOf(x.LocalAddr())}
	refused := func(w dsrudp.ReplyWriter) {
		n, err := w.Write([]byte("for another"))
		assert.ErrorContains(t, err, "after ServePacket returned")
		assert.Zero(t, n)
		p := packet("for another", path)
		assert.ErrorContains(t, w.WritePacket(&p), "after ServePacket returned")
	}
	var kept []dsrudp.ReplyWriter
	served := make(chan []dsrudp.ReplyWriter, 2)
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if p.Path == path {
			kept = append(kept, w)
		} else {
			for _, k := range kept {
				refused(k)
			}
		}
		echoing(t).ServePacket(w, p)
		served <- kept
	})}, c)
	for i := range 2 * rounds { // each its own batch
		client := []*net.UDPConn{x, y}[i%2]
		enqueue(t, 1, client)
		requireEchoes(t, 1, client)
		for _, k := range await(t, served) {
			refused(k)
		}
	}
	enqueue(t, 1, x, y)
	requireEchoes(t, 1, x, y) // and nothing else
}

// TestGoexitAnswers: what a handler wrote, and those before it in the batch, is
// sent even if it then ends the goroutine.
func TestGoexitAnswers(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, netip.IPv6Loopback())
	enqueue(t, 3, x)
	calls := 0
	v := serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		calls++
		echoing(t).ServePacket(w, p)
		if calls == 2 {
			runtime.Goexit()
		}
	})}, c)
	requireEchoes(t, 2, x)
	require.ErrorContains(t, v.wait(t), "Goexit")
	require.Equal(t, 2, calls)
	requireFree(t, c)
}
