package dsrudp_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestReadAheadControlMessages: the caller gets the control messages of its own
// options, cut to its buffer, as on a Conn that takes one datagram at a time.
func TestReadAheadControlMessages(t *testing.T) {
	for _, network := range []string{"udp4", "udp"} {
		c := listenWith(t, &dsrudp.ListenConfig{ReadAhead: 32}, network, ":0")
		u := listen(t, network, ":0")
		opts := everything[1:] // without the time, which differs
		if network == "udp4" {
			opts = opts[:6]
		}
		setsockopts(t, c, opts...)
		setsockopts(t, u, opts...)
		x, v := dialVIP(t, c, vips[1]), dialVIP(t, u, vips[1])
		sizes := []int{0, 1, 16, 20, 31, 32, 33, 40, 72, 100, 128, 150, 200, 250, 280, 300, 511, 512, 513, 700}
		for range sizes {
			write(t, x, "1")
			write(t, v, "1")
		}
		full := 0
		for _, size := range sizes {
			want, got := make([]byte, size), make([]byte, size)
			b := make([]byte, 16)
			n, oobn, flags, _, err := u.ReadMsgUDP(b, want)
			require.NoError(t, err)
			n2, oobn2, flags2, a, err := c.ReadMsgUDP(b, got)
			require.NoError(t, err)
			require.Equal(t, n, n2)
			require.Equal(t, oobn, oobn2, "size %d", size)
			require.Equal(t, flags, flags2, "size %d", size)
			requireSameMessages(t, want[:oobn], got[:oobn2])
			p, ok := dsrudp.PathOf(a)
			require.True(t, ok)
			require.Equal(t, pathFrom(c, vips[1], x), p)
			full = max(full, oobn)
		}
		require.Greater(t, full, 100)
		require.Zero(t, c.Stats().ControlTruncated)
	}
	// Flags are a datagram's own.
	c := listenWith(t, &dsrudp.ListenConfig{ReadAhead: 32}, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "longer")
	write(t, x, "1")
	_, _, flags, _, err := c.ReadMsgUDP(make([]byte, 1), nil)
	require.NoError(t, err)
	require.Equal(t, unix.MSG_TRUNC, flags)
	_, _, flags, _, err = c.ReadMsgUDP(make([]byte, 1), nil)
	require.NoError(t, err)
	require.Zero(t, flags)
}
