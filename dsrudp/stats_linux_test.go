package dsrudp_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestStatsDropped: what did not fit the receive buffer is counted by the kernel,
// and still known after Close.
func TestStatsDropped(t *testing.T) {
	const sent = 200
	c := listenWith(t, &dsrudp.ListenConfig{ReadBuffer: 1}, "udp", ":0") // the least there is
	x := dialVIP(t, c, vips[0])
	for range sent {
		write(t, x, string(make([]byte, 1000)))
	}
	dropped := c.Stats().Dropped
	require.Positive(t, dropped)
	require.Len(t, readAll(t, c, sent-int(dropped)), sent-int(dropped))
	require.Equal(t, dropped, c.Stats().Dropped, "counted once")
	for range sent {
		write(t, x, string(make([]byte, 1000)))
	}
	require.NoError(t, c.Close())
	more := c.Stats().Dropped
	require.Greater(t, more, dropped)
	require.Equal(t, more, c.Stats().Dropped)
}

// TestStatsSendTooLong: every way to write counts a datagram that is too long,
// and each of a list; what this package refuses, and Close, is not counted there.
func TestStatsSendTooLong(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	p := pathFrom(c, vips[0], x)
	long := make([]byte, 65508)
	write(t, x, "1")
	_, a, err := c.ReadFromUDP(make([]byte, 1))
	require.NoError(t, err)
	want := uint64(0)
	count := func(n int, err error) {
		t.Helper()
		require.Error(t, err)
		want += uint64(n)
		s := c.Stats()
		require.Equal(t, want, s.SendTooLong)
		s.SendTooLong, s.PathEntries, s.PathBytes = 0, 0, 0
		require.Zero(t, s)
	}
	_, err = c.WriteToPath(long, p)
	count(1, err)
	_, err = c.WriteTo(long, a)
	count(1, err)
	_, _, err = c.WriteMsgUDP(long, nil, a)
	count(1, err)
	_, err = c.WriteToUDPAddrPort(long, p.Remote)
	count(1, err)
	_, err = c.WritePackets([]dsrudp.Packet{packet(string(long), p), packet("1", p), packet(string(long), p)})
	count(2, err)
	_, err = c.WriteBatch([]ipv4.Message{message(string(long), a), message(string(long), a)}, 0)
	count(1, err) // the second was not tried
	require.NoError(t, c.Close())
	_, err = c.WriteToPath(long, p)
	count(0, err)
	_, err = c.WritePackets([]dsrudp.Packet{packet("1", p), packet("2", p)})
	count(0, err)
}
