package dsrudp_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// failures are the counts of datagrams that were not sent.
func failures(c *dsrudp.Conn) uint64 {
	s := c.Stats()
	return s.Refused + s.SendTooLong + s.SendDenied + s.SendUnreachable + s.SendNoBuffer + s.SendFailed
}

// TestWriteBatchCountsOnce: a message that cannot be sent is counted when its
// error is returned, not also when it only ends the prefix that was sent.
func TestWriteBatchCountsOnce(t *testing.T) {
	foreign6 := unix.PktInfo6(&unix.Inet6Pktinfo{Addr: netip.MustParseAddr("2001:db8::77").As16()})
	for name, tc := range map[string]struct {
		vip   netip.Addr
		spoil func(m *ipv4.Message)
	}{
		"too long":        {vips[0], badMessages["too long"].spoil},
		"long pieces":     {vips[0], badMessages["long pieces"].spoil},
		"foreign IPv4":    {vips[0], badMessages["not our host"].spoil},
		"IPv6 too long":   {netip.IPv6Loopback(), func(m *ipv4.Message) { m.Buffers = [][]byte{make([]byte, 65528)} }},
		"foreign IPv6":    {netip.IPv6Loopback(), func(m *ipv4.Message) { m.OOB = foreign6 }},
		"nothing in Path": {vips[0], func(m *ipv4.Message) { m.OOB = nil; m.Addr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9), Port: 9} }},
	} {
		for _, before := range []int{1, 3, 40} {
			t.Run(name, func(t *testing.T) {
				c := listenWith(t, &dsrudp.ListenConfig{Strict: true}, "udp", ":0")
				x := dialVIP(t, c, tc.vip)
				write(t, x, "1")
				_, a, err := c.ReadFromUDP(make([]byte, 1))
				require.NoError(t, err)
				var ms []ipv4.Message
				for i := range before + 1 {
					ms = append(ms, message(bytesOf(i, i), a))
				}
				tc.spoil(&ms[before])
				for left := ms; ; {
					n, err := c.WriteBatch(left, 0)
					if err != nil {
						break
					}
					left = left[n:]
				}
				require.EqualValues(t, 1, failures(c))
			})
		}
	}
}

// TestAdoptDropped: what was dropped before a socket was adopted is not this
// Conn's.
func TestAdoptDropped(t *testing.T) {
	u, err := net.ListenUDP("udp", nil)
	require.NoError(t, err)
	require.NoError(t, u.SetReadBuffer(1)) // the least there is
	x := dialVIP(t, u, vips[0])
	flood := func(n int) {
		for range n {
			write(t, x, bytesOf(0, 1000))
		}
	}
	flood(100)
	c := adopt(t, u)
	require.Zero(t, c.Stats().Dropped)
	flood(10) // nothing has made room
	require.EqualValues(t, 10, c.Stats().Dropped)
	require.NoError(t, c.Close())
	require.EqualValues(t, 10, c.Stats().Dropped)
}

// TestReadBatchErrorQueue: what comes from the error queue is no datagram that a
// path could be known or lost of.
func TestReadBatchErrorQueue(t *testing.T) {
	for _, tc := range []struct {
		network string
		vip     netip.Addr
		option  [2]int
	}{
		{"udp4", vips[0], [2]int{unix.IPPROTO_IP, unix.IP_RECVERR}},
		{"udp", vips[0], [2]int{unix.IPPROTO_IP, unix.IP_RECVERR}},
		{"udp6", netip.IPv6Loopback(), [2]int{unix.IPPROTO_IPV6, unix.IPV6_RECVERR}},
	} {
		c := listen(t, tc.network, ":0")
		setsockopts(t, c, tc.option)
		x := dialVIP(t, c, tc.vip)
		p := pathFrom(c, tc.vip, x)
		require.NoError(t, x.Close())
		_, err := c.WriteToPath([]byte("to nobody"), p)
		require.NoError(t, err)
		ms := messages(2, 16)
		ms[0].OOB = make([]byte, 256)
		n, err := c.ReadBatch(ms, unix.MSG_ERRQUEUE)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.NotZero(t, ms[0].Flags&unix.MSG_ERRQUEUE)
		require.Equal(t, "to nobody", string(ms[0].Buffers[0][:ms[0].N]))
		s := c.Stats()
		require.Zero(t, s.LostPath, tc.network)
		require.Zero(t, s.PathEntries, tc.network)
	}
}
