package dsrudp

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCheckMeetsClose: a guard that Close has taken away meanwhile knows nothing of
// a source, and that is not the source's fault.
func TestCheckMeetsClose(t *testing.T) {
	c := wildcard(t, "udp")
	require.NoError(t, c.Close())
	s := source{addr: netip.MustParseAddr("2001:db8::77")}
	to := target{addr: netip.MustParseAddrPort("[::1]:9")}
	require.Equal(t, net.ErrClosed, c.check(c.newOp().(*op), &s, &to))
}
