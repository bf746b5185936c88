package dsrudp_test

import (
	"net/netip"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestServedDeadlineBusy: a read deadline ends the serving of a Conn whose queue
// is never found empty: before each call returns there is another request.
func TestServedDeadlineBusy(t *testing.T) {
	for _, batch := range []int{1, 2, 32} {
		c := listen(t, "udp", ":0")
		x := dialVIP(t, c, netip.IPv6Loopback())
		var calls atomic.Int64
		v := serve(t, &dsrudp.Server{BatchSize: batch, Handler: dsrudp.HandlerFunc(func(dsrudp.ReplyWriter, *dsrudp.Packet) {
			_, err := x.Write([]byte("next"))
			assert.NoError(t, err)
			calls.Add(1)
		})}, c)
		enqueue(t, 2*batch, x)
		soon(t, "it is busy", func() bool { return calls.Load() > 100 })
		require.NoError(t, c.SetReadDeadline(past))
		require.ErrorIs(t, v.wait(t), os.ErrDeadlineExceeded)
	}
}
