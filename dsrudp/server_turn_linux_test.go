package dsrudp_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestReplyWriterEndsAtOnce: a ReplyWriter is good for nothing from the moment
// its handler returns, while the next datagram is still looked at: it would answer
// that one's peer, or half of it.
func TestReplyWriterEndsAtOnce(t *testing.T) {
	c := listen(t, "udp4", ":0")
	x, group := dialVIP(t, c, vips[0]), dialVIP(t, c, netip.MustParseAddr("127.255.255.255"))
	enqueue(t, 1, x, group)
	release := c.HoldGroups()
	writers := make(chan dsrudp.ReplyWriter, 2)
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		echoing(t).ServePacket(w, p)
		writers <- w
	})}, c)
	first := await(t, writers)
	func() {
		defer release()
		soon(t, "the first ReplyWriter has ended while the second datagram is looked at", first.Ended)
		require.Empty(t, writers)
	}()
	await(t, writers)
	requireEchoes(t, 1, x)
}
