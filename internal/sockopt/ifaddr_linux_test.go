package sockopt_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/sockopt"
)

// TestInterfaceAddr: the loopback interface has 127.0.0.1; the rest of
// 127.0.0.0/8 is a route.
func TestInterfaceAddr(t *testing.T) {
	for _, network := range []string{"udp4", "udp6", "udp"} {
		c, err := net.ListenUDP(network, nil)
		require.NoError(t, err)
		defer c.Close()
		raw, err := c.SyscallConn()
		require.NoError(t, err)
		own := netip.MustParseAddr("127.0.0.1")
		require.NoError(t, raw.Control(func(fd uintptr) {
			for _, want := range []netip.Addr{own, netip.MustParseAddr("198.51.100.2")} {
				got, ok := sockopt.InterfaceAddr(fd, "lo", want)
				require.True(t, ok, network)
				require.Equal(t, own, got)
			}
			_, ok := sockopt.InterfaceAddr(fd, "no such", own)
			require.False(t, ok)
		}))
	}
}
