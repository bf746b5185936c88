package dsrudp_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestRefusedAfterClose: on a closed Conn there is nothing to refuse. A send
// that would be refused while it is open is net.ErrClosed, as with net.
func TestRefusedAfterClose(t *testing.T) {
	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		remote := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), 9)
		if w.network == "udp6" {
			remote = netip.AddrPortFrom(netip.IPv6Loopback(), 9)
		}
		_, err := c.WriteToPath([]byte("1"), dsrudp.Path{Remote: remote})
		require.ErrorIs(t, err, dsrudp.ErrNoPath)
		require.NoError(t, c.Close())
		_, err = c.WriteToPath([]byte("1"), dsrudp.Path{Remote: remote})
		require.ErrorIs(t, err, net.ErrClosed, w)
		require.NotErrorIs(t, err, dsrudp.ErrNoPath, w)
	}
	// Nor is there anything to say of an address that the kernel could be asked
	// about while it was open.
	c := listen(t, "udp", ":0")
	p := dsrudp.Path{Local: netip.MustParseAddrPort("[2001:db8::77]:0"), Remote: netip.AddrPortFrom(netip.IPv6Loopback(), 9)}
	require.NoError(t, c.Close())
	_, err := c.WriteToPath([]byte("1"), p)
	require.ErrorIs(t, err, net.ErrClosed)
	require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
	require.Zero(t, c.Stats().Refused)
}
