package dsrudp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestTruncation: a datagram longer than the buffer is told by the calls that
// can, counted by all, and answered from the right address.
func TestTruncation(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	b := make([]byte, 4)

	write(t, x, "longer")
	n, p, err := c.ReadFromPath(b)
	require.ErrorIs(t, err, dsrudp.ErrTruncated)
	require.Equal(t, "long", string(b[:n]))
	_, err = c.WriteToPath(b, p)
	require.NoError(t, err)
	require.Equal(t, "long", read(t, x))
	require.EqualValues(t, 1, c.Stats().Truncated)

	write(t, x, "longer")
	n, a, err := c.ReadFrom(b)
	require.NoError(t, err, "net says nothing of it")
	require.Equal(t, "long", string(b[:n]))
	_, err = c.WriteTo(b, a)
	require.NoError(t, err)
	require.Equal(t, "long", read(t, x))
	require.EqualValues(t, 2, c.Stats().Truncated)

	write(t, x, "just")
	_, _, err = c.ReadFromPath(b)
	require.NoError(t, err)
	require.EqualValues(t, 2, c.Stats().Truncated)

	// An empty datagram is a datagram.
	write(t, x, "")
	n, p, err = c.ReadFromPath(nil)
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = c.WriteToPath(nil, p)
	require.NoError(t, err)
	require.Equal(t, "", read(t, x))
}
