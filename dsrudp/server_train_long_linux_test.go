package dsrudp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestReplyLongTrain: a train of more than one message can hold, or the Server's
// memory, arrives whole: each of its datagrams, with their length, and the others
// around it, in order.
func TestReplyLongTrain(t *testing.T) {
	for _, noOffload := range []bool{false, true} {
		for _, tc := range []struct{ size, n int }{{1000, 65537}, {1472, 1<<17 + 1}, {65507, 3 * 65507}, {7, 2000}} {
			c := listenWith(t, &dsrudp.ListenConfig{NoOffload: noOffload}, "udp", ":0")
			x := dialVIP(t, c, vips[0])
			require.NoError(t, x.SetReadBuffer(4<<20))
			long := bytesOf(1, tc.n)
			serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				_, err := w.Write([]byte("before"))
				assert.NoError(t, err)
				q := packet(long, p.Path)
				q.SegmentSize = tc.size
				assert.NoError(t, w.WritePacket(&q))
				clear(q.Buf) // it was copied
				_, err = w.Write([]byte("behind"))
				assert.NoError(t, err)
			})}, c)
			write(t, x, "ask")
			require.Equal(t, "before", read(t, x))
			b := make([]byte, 1<<16)
			for rest := long; len(rest) > 0; {
				n, err := x.Read(b)
				require.NoError(t, err, "%d bytes of %d are missing", len(rest), tc.n)
				require.Equal(t, min(tc.size, len(rest)), n)
				require.True(t, rest[:n] == string(b[:n]))
				rest = rest[n:]
			}
			require.Equal(t, "behind", read(t, x))
			requireNothing(t, x)
			require.Zero(t, c.Stats().SendTooLong)
		}
	}
}
