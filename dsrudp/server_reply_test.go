package dsrudp_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestReplySeveral: several answers to one datagram come in their order, and
// what was written is copied: the buffer may be used again at once.
func TestReplySeveral(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, netip.IPv6Loopback())
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		b := []byte("first.")
		n, err := w.Write(b)
		assert.NoError(t, err)
		assert.Equal(t, len(b), n)
		copy(b, "second")
		_, err = w.Write(b[:2])
		assert.NoError(t, err)
		clear(b)
		assert.NoError(t, w.WritePacket(p))
		clear(p.Buf)
		_, err = w.Write(nil)
		assert.NoError(t, err)
	})}, c)
	for range 3 {
		write(t, x, "third")
		for _, want := range []string{"first.", "se", "third", ""} {
			require.Equal(t, want, read(t, x))
		}
	}
}

// TestReplyElsewhere: WritePacket sends along any path, and what was asked is
// answered all the same.
func TestReplyElsewhere(t *testing.T) {
	for _, w := range wildcards {
		t.Run(w.network+w.address, func(t *testing.T) {
			c := listen(t, w.network, w.address)
			x, other := dialVIP(t, c, vips[0]), dialVIP(t, c, vips[1])
			elsewhere := dsrudp.Path{Local: netip.AddrPortFrom(vips[1], 0), Remote: addrPortOf(other.LocalAddr())}
			serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				_, err := w.Write(p.Payload())
				assert.NoError(t, err)
				p.Path = elsewhere
				assert.NoError(t, w.WritePacket(p))
				_, err = w.Write([]byte("once more"))
				assert.NoError(t, err)
			})}, c)
			write(t, x, "request")
			require.Equal(t, "request", read(t, other))
			require.Equal(t, "request", read(t, x))
			require.Equal(t, "once more", read(t, x))
		})
	}
}

// TestReplyLate: after the handler has returned, another goroutine answers with
// the Conn and a Clone. What is received meanwhile does not touch the Clone.
func TestReplyLate(t *testing.T) {
	for _, w := range wildcards {
		t.Run(w.network+w.address, func(t *testing.T) {
			c := listen(t, w.network, w.address)
			x, y := dialOnePort(t, c, vips[0], vips[1])
			late := make(chan *dsrudp.Packet, 1)
			serve(t, &dsrudp.Server{BatchSize: 1, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				assert.Same(t, c, w.Conn())
				if p.Path.Local.Addr() == vips[0] {
					late <- p.Clone()
					return
				}
				echoing(t).ServePacket(w, p)
			})}, c)
			write(t, x, "answered late")
			p := await(t, late)
			write(t, y, "received after it") // into the same buffer
			require.Equal(t, "received after it", read(t, y))
			require.Equal(t, "answered late", string(p.Buf))
			_, err := c.WriteToPath(p.Payload(), p.Path)
			require.NoError(t, err)
			require.Equal(t, "answered late", read(t, x))
		})
	}
}

// TestReplyWriterKept: a ReplyWriter is refused when its handler has returned,
// whether it is used by the handler of another datagram or by nobody's.
func TestReplyWriterKept(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, netip.IPv6Loopback())
	write(t, x, "kept")
	write(t, x, "next")
	refused := func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		_, err := w.Write([]byte("late"))
		assert.ErrorContains(t, err, "after ServePacket returned")
		assert.ErrorContains(t, w.WritePacket(p), "after ServePacket returned")
		assert.Same(t, c, w.Conn())
	}
	var first dsrudp.ReplyWriter
	kept := make(chan dsrudp.ReplyWriter, 2)
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if first == (dsrudp.ReplyWriter{}) {
			first = w
			return
		}
		refused(first, p)
		echoing(t).ServePacket(w, p)
		kept <- first
	})}, c)
	require.Equal(t, "next", read(t, x))
	p := &dsrudp.Packet{Path: dsrudp.Path{Local: addrPortOf(x.RemoteAddr()), Remote: addrPortOf(x.LocalAddr())}}
	refused(await(t, kept), p)
}

// TestPacketChanged: a handler may do what it likes with its Packet. The next
// datagrams in its place are none the worse for it.
func TestPacketChanged(t *testing.T) {
	const n = 5
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, netip.IPv6Loopback())
	local := addrPortOf(x.RemoteAddr())
	serve(t, &dsrudp.Server{BatchSize: 2, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		assert.Equal(t, dsrudp.Packet{Buf: p.Buf, N: p.N, Path: dsrudp.Path{Local: local, Remote: addrPortOf(x.LocalAddr())}}, *p)
		_, err := w.Write(p.Payload())
		assert.NoError(t, err)
		*p = dsrudp.Packet{N: -1, SegmentSize: 7, ECN: dsrudp.CE, Truncated: true, OrigDst: vips[0], Err: errTimeout}
		assert.Error(t, w.WritePacket(p))
		_, err = w.Write([]byte("along the path that it came"))
		assert.NoError(t, err)
	})}, c)
	for i := range n {
		enqueue(t, 1, x)
		require.Equal(t, request(x, 0), read(t, x), i)
		require.Equal(t, "along the path that it came", read(t, x))
	}
}
