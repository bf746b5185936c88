//go:build linux && (amd64 || arm64)

package dsrudp_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestNoNetlink: in a sandbox that forbids netlink sockets there is no guard, so
// the kernel keeps its own: what needs none works, and what would take the
// kernel's away is refused when listening.
func TestNoNetlink(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	forbidNetlink(t)
	_, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	require.ErrorIs(t, err, unix.EPERM)

	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		x, y := dialOnePort(t, c, vips[0], vips[1])
		ask(t, c, carrying["ReadFrom"], x, y)
	}
	c := listen(t, "udp6", ":0")
	x := dialVIP(t, c, netip.IPv6Loopback())
	write(t, x, "1")
	_, p, err := c.ReadFromPath(make([]byte, 1))
	require.NoError(t, err)
	_, err = c.WriteToPath([]byte("2"), p)
	require.NoError(t, err)
	require.Equal(t, "2", read(t, x))
	// The kernel's guard is in force.
	_, err = c.WriteToPath([]byte("bad"), dsrudp.Path{Local: netip.MustParseAddrPort("[2001:db8::77]:0"), Remote: p.Remote})
	require.ErrorIs(t, err, unix.EINVAL)

	for _, network := range []string{"udp", "udp6"} {
		_, err = (&dsrudp.ListenConfig{FreeBind: true}).ListenPacket(t.Context(), network, "[::]:0")
		require.ErrorContains(t, err, "IP_FREEBIND")
		require.ErrorIs(t, err, unix.EPERM)
	}
}
