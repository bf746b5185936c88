//go:build !dsrudp_portable

package mmsg

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSockaddrEqual: names are the same address only if all that is in one is in
// the other; what is behind an IPv4 one is not.
func TestSockaddrEqual(t *testing.T) {
	for _, inet6 := range []bool{false, true} {
		to := netip.MustParseAddrPort("192.0.2.1:53")
		if inet6 {
			to = netip.MustParseAddrPort("[2001:db8:1:2:3:4:5:6]:53")
		}
		var a, b sockaddr
		n := a.set(inet6, &to, 7)
		require.Equal(t, n, b.set(inet6, &to, 7))
		require.True(t, a.equal(&b, n))
		for i := range a {
			b = a
			b[i] ^= 0x10
			counts := i < 8 || inet6
			require.Equal(t, !counts, a.equal(&b, n), "byte %d", i)
		}
	}
}
