package udpaddr

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestZonesFull: with a zone that there is no number for an address carries
// nothing, as a link-local one without its zone would mean something else.
func TestZonesFull(t *testing.T) {
	defer func(saved *zoneTable) { zones = saved }(zones)
	zones = &zoneTable{ids: map[string]uint16{"": 0, "eth0": 1}, names: make([]string, maxZones)}
	zones.names[1] = "eth0"
	known, full := netip.MustParseAddrPort("[fe80::1%eth0]:53"), netip.MustParseAddrPort("[fe80::1%eth1]:53")
	for _, tc := range []struct {
		remote, local netip.AddrPort
		carries       bool
	}{{known, known, true}, {known, full, false}, {full, known, false}, {full, netip.AddrPort{}, false}} {
		a := New(tc.remote, tc.local, 1)
		require.Equal(t, net.UDPAddrFromAddrPort(tc.remote), a)
		local, _, ok := Parse(a)
		require.Equal(t, tc.carries, ok, "%v %v", tc.remote, tc.local)
		require.True(t, !ok || local == tc.local)
	}
}
