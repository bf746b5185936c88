//go:build linux

package main

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewRequests(t *testing.T) {
	vips := []netip.Addr{netip.MustParseAddr("198.51.100.2"), netip.MustParseAddr("198.51.100.20")}
	qs := newRequests(netip.MustParseAddr("203.0.113.2"), vips, 3)
	require.Len(t, qs, 6)
	answers := make(map[string]bool)
	for i, q := range qs {
		require.Equal(t, netip.AddrPortFrom(vips[i%2], 60002), q.to)
		require.EqualValues(t, 40695+i/2, q.from.Port(), "each request to a VIP is from a new port")
		require.False(t, answers[string(q.answer)], "answers must be told apart")
		answers[string(q.answer)] = true
	}
}

// Volleys are bounded, and part what is from one port only if they must.
func TestVolleys(t *testing.T) {
	for _, test := range []struct{ vips, count, first, volleys int }{
		{1, 1, 1, 1},
		{1, 40, 32, 2},
		{2, 8, 16, 1},
		{3, 20, 30, 2},
		{31, 2, 31, 2},
		{32, 2, 32, 2},
		{33, 1, 32, 2},
		{150, 1, 32, 5},
	} {
		vips := make([]netip.Addr, test.vips)
		for i := range vips {
			vips[i] = netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
		}
		vs := volleys(newRequests(netip.MustParseAddr("203.0.113.2"), vips, test.count))
		require.Len(t, vs, test.volleys, test)
		require.Len(t, vs[0], test.first, test)
	}
}
