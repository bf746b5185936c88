package dsrudp

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// TestUnderstandAlways: control messages are remembered only where what they say
// follows from their bytes.
func TestUnderstandAlways(t *testing.T) {
	c, err := ListenUDP("udp", &net.UDPAddr{})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	for dst, always := range map[string]bool{
		"::1":                true,
		"2001:db8::1":        true,
		"::ffff:192.0.2.1":   true,
		"fe80::1":            false, // shown with the interface's name
		"ff02::1":            false,
		"::ffff:224.0.0.251": false,
		"::":                 false,
	} {
		oob := pktinfo.AppendSource(nil, false, netip.MustParseAddr(dst), 1)
		var a arrival
		require.Equal(t, always, c.understand(&a, newOp().(*op), oob), dst)
	}
	require.False(t, c.understand(new(arrival), newOp().(*op), nil))
}
