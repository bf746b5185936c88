package dsrudp_test

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// requireAhead has c take what is there, all but the first of which it then has.
func requireAhead(t *testing.T, c *dsrudp.Conn, x *net.UDPConn, n int) {
	t.Helper()
	for i := range n {
		write(t, x, strconv.Itoa(i))
	}
	b := make([]byte, 8)
	k, _, err := c.ReadFromPath(b)
	require.NoError(t, err)
	require.Equal(t, "0", string(b[:k]))
}

// TestReadAheadEnds: after Close, or the deadline, there is nothing more to be
// had, as under net, though datagrams were taken; a later deadline brings them
// back.
func TestReadAheadEnds(t *testing.T) {
	for name, reader := range readers {
		t.Run(name, func(t *testing.T) {
			c := listenWith(t, &dsrudp.ListenConfig{ReadAhead: 8}, "udp", ":0")
			requireAhead(t, c, dialVIP(t, c, vips[0]), 4)
			for _, set := range []func(time.Time) error{c.SetDeadline, c.SetReadDeadline} {
				require.NoError(t, set(time.Unix(1, 0)))
				err := reader(c)
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				var op *net.OpError
				require.ErrorAs(t, err, &op)
				require.Equal(t, "read", op.Op)
				require.True(t, op.Timeout())
				require.NoError(t, c.SetWriteDeadline(time.Now().Add(patience)))
				require.ErrorIs(t, reader(c), os.ErrDeadlineExceeded)
				require.NoError(t, set(time.Time{}))
				require.NoError(t, reader(c))
			}
			require.NoError(t, c.SetWriteDeadline(time.Unix(1, 0)))
			require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
			require.NoError(t, reader(c), "the last one")
			require.NoError(t, c.Close())
			require.ErrorIs(t, reader(c), net.ErrClosed)
		})
		t.Run(name+"/closed", func(t *testing.T) {
			c := listenWith(t, &dsrudp.ListenConfig{ReadAhead: 8}, "udp", ":0")
			requireAhead(t, c, dialVIP(t, c, vips[0]), 4)
			require.NoError(t, c.Close())
			require.ErrorIs(t, reader(c), net.ErrClosed)
			require.ErrorIs(t, c.Close(), net.ErrClosed)
		})
	}
}

// TestReadAheadUnblock: Close and a deadline set meanwhile end every waiting
// call.
func TestReadAheadUnblock(t *testing.T) {
	for how, unblock := range map[string]func(c *dsrudp.Conn) error{
		"Close":       (*dsrudp.Conn).Close,
		"SetDeadline": func(c *dsrudp.Conn) error { return c.SetDeadline(time.Unix(1, 0)) },
	} {
		want := os.ErrDeadlineExceeded
		if how == "Close" {
			want = net.ErrClosed
		}
		c := listenWith(t, &dsrudp.ListenConfig{ReadAhead: 8}, "udp", ":0")
		require.NoError(t, c.SetDeadline(time.Time{}))
		errs := make(chan error)
		for _, reader := range readers {
			go func() { errs <- reader(c) }()
		}
		require.NoError(t, unblock(c))
		for range readers {
			select {
			case err := <-errs:
				require.ErrorIs(t, err, want)
			case <-time.After(patience):
				t.Fatal("a reader is still waiting")
			}
		}
	}
}

// TestReadAheadRefuses: batches, and reads besides, would miss what was taken.
func TestReadAheadRefuses(t *testing.T) {
	for how, lc := range ahead {
		c := listenWith(t, &lc, "udp", ":0")
		requireAhead(t, c, dialVIP(t, c, vips[0]), 2)
		_, err := c.ReadPackets(packets(1, 8))
		requireRefused(t, err, how, "read")
		_, err = c.ReadBatch([]ipv4.Message{{Buffers: [][]byte{make([]byte, 8)}}}, 0)
		requireRefused(t, err, how, "read")
		requireAlone(t, c)
		b := make([]byte, 8)
		n, _, err := c.ReadFrom(b)
		require.NoError(t, err)
		require.Equal(t, "1", string(b[:n]))
	}
	// One datagram at a time is what all do.
	c := listenWith(t, &dsrudp.ListenConfig{ReadAhead: 1}, "udp", ":0")
	write(t, dialVIP(t, c, netip.IPv6Loopback()), "1")
	require.Len(t, readAll(t, c, 1), 1)
}
