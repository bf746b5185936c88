//go:build linux && (amd64 || arm64)

package dsrudp_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestUnasked: a guard that cannot ask the kernel any more refuses what it does
// not know. Destinations of datagrams are known.
func TestUnasked(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	c := listen(t, "udp", ":0")
	for _, fd := range netlinkSockets(t) {
		forbid(t, unix.EPERM, unix.SYS_WRITE, map[int]uint32{0: uint32(fd)})
	}
	x := dialVIP(t, c, netip.IPv6Loopback())
	remote := addrPortOf(x.LocalAddr())
	for i, local := range []string{"[2001:db8::77]:0", "[::1]:0"} {
		_, err := c.WriteToPath([]byte("bad"), dsrudp.Path{Local: netip.MustParseAddrPort(local), Remote: remote})
		require.ErrorIs(t, err, dsrudp.ErrNotLocal, local)
		require.ErrorIs(t, err, unix.EPERM, local)
		require.ErrorContains(t, err, "could not be asked", local)
		require.EqualValues(t, i+1, c.Stats().Refused)
	}

	write(t, x, "1")
	_, p, err := c.ReadFromPath(make([]byte, 1))
	require.NoError(t, err)
	_, err = c.WriteToPath([]byte("2"), p)
	require.NoError(t, err)
	require.Equal(t, "2", read(t, x), "and nothing before it")
	// The guard over IPv4 is the kernel's.
	x, y := dialOnePort(t, c, vips[0], vips[1])
	ask(t, c, carrying["ReadFrom"], x, y)
}
