package facts_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// Extension headers, asked for by an option, are the one kind of control message
// that may be larger than what is kept for them: then it is said that some were
// cut, and counted. They come last, so that the path is known.
func TestK5_2_ExtensionHeaders(t *testing.T) {
	h := labtest.NewHost(t, "host")
	var c *dsrudp.Conn
	require.NoError(t, h.Do(func() (err error) {
		c, err = dsrudp.ListenPacket("udp6", "[::]:0")
		return err
	}))
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	rc, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, rc.Control(func(fd uintptr) {
		require.NoError(t, unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVDSTOPTS, 1))
	}))
	server := netip.AddrPortFrom(netip.IPv6Loopback(), netip.MustParseAddrPort(c.LocalAddr().String()).Port())
	client, err := h.DialUDP("udp6", netip.AddrPort{}, server)
	require.NoError(t, err)
	defer client.Close()
	// Three options of a type that a host skips if it does not know it (RFC
	// 4727), 252 bytes each, and one of two bytes that pads to a multiple of 8.
	header := make([]byte, 2)
	for range 3 {
		header = append(header, 0x1e, 250)
		header = append(header, make([]byte, 250)...)
	}
	header = append(header, 1, 0)
	header[1] = byte(len(header)/8 - 1)
	crc, err := client.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, crc.Control(func(fd uintptr) {
		require.NoError(t, unix.SetsockoptString(int(fd), unix.IPPROTO_IPV6, unix.IPV6_DSTOPTS, string(header)))
	}))

	_, err = client.Write([]byte("1"))
	require.NoError(t, err)
	n, p, err := c.ReadFromPath(make([]byte, 1))
	require.ErrorIs(t, err, dsrudp.ErrTruncated)
	require.Equal(t, 1, n)
	require.Equal(t, server, p.Local)
	require.EqualValues(t, 1, c.Stats().ControlTruncated)
	require.Zero(t, c.Stats().Truncated)
	_, err = c.WriteToPath([]byte("2"), p)
	require.NoError(t, err)
	_, err = client.Read(make([]byte, 1))
	require.NoError(t, err)
}
