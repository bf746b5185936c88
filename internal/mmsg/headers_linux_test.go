//go:build !dsrudp_portable

package mmsg

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSockaddr: an address comes back from a name that held another, its scope too, and
// IPv4 unmapped.
func TestSockaddr(t *testing.T) {
	var s sockaddr
	for i := range s {
		s[i] = 0xff
	}
	for _, a := range []Addr{
		{netip.MustParseAddrPort("192.0.2.1:53"), 0},
		{netip.MustParseAddrPort("[fe80::1]:5353"), 7},
		{netip.MustParseAddrPort("[2001:db8::1]:65535"), 0},
		{netip.MustParseAddrPort("[ff02::fb]:1"), 1 << 31},
	} {
		n := s.set(true, &a)
		require.EqualValues(t, 28, n)
		var got Addr
		s.get(n, &got)
		require.Equal(t, a, got)
		require.Equal(t, [4]byte{}, [4]byte(s[4:8]), "flow information")
		if a.AddrPort.Addr().Is4() {
			n = s.set(false, &a)
			require.EqualValues(t, 16, n)
			s.get(n, &got)
			require.Equal(t, a, got)
		}
	}
	got := Addr{Ifindex: 1}
	s.get(0, &got)
	require.Zero(t, got)
}

// TestK6_5_Corrupts: releases that send wrong bytes, and their neighbours.
func TestK6_5_Corrupts(t *testing.T) {
	for release, want := range map[string]bool{
		"6.18.5": false, "6.18": false, "7.0.0": true, "7.0": true, "7.0.14-generic": true, "7.1": true, "7.1-rc3": true,
		"7.1.4": true, "7.1.4-amd64": true, "7.1.5": false, "7.1.5+": false, "7.2.0": false, "8.0.1": false, "": false, "x": false,
	} {
		require.Equal(t, want, corrupts(release), release)
	}
}
