package dsrudp

import (
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestHeldAtMost: as many datagrams are held as one system call moves. The next one
// has these leave first, in order.
func TestHeldAtMost(t *testing.T) {
	c, err := (&ListenConfig{CoalesceWrites: true}).ListenPacket(t.Context(), "udp4", ":0")
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	local := netip.MustParseAddr("127.0.0.2")
	x, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, c.port)))
	require.NoError(t, err)
	t.Cleanup(func() { x.Close() })
	require.NoError(t, x.SetReadDeadline(time.Now().Add(5*time.Second)))
	p := Path{Local: netip.AddrPortFrom(local, c.port), Remote: x.LocalAddr().(*net.UDPAddr).AddrPort()}

	c.ahead.left.Store(1) // there is more to be read, for who reads to come back
	c.held.armed = true   // nor does time send any
	for i := range maxBatch {
		_, err := c.WriteToPath([]byte(strconv.Itoa(i)), p)
		require.NoError(t, err)
		require.Equal(t, i+1, c.held.out.items)
	}
	_, err = c.WriteToPath([]byte("next"), p)
	require.NoError(t, err)
	require.Equal(t, 1, c.held.out.items)
	b := make([]byte, 8)
	for i := range maxBatch {
		n, err := x.Read(b)
		require.NoError(t, err)
		require.Equal(t, strconv.Itoa(i), string(b[:n]))
	}
	c.held.flush()
	n, err := x.Read(b)
	require.NoError(t, err)
	require.Equal(t, "next", string(b[:n]))
}
