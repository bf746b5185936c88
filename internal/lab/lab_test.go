//go:build linux

package lab_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func newLab(t testing.TB, o lab.Options) *lab.Lab {
	t.Helper()
	return labtest.New(t, o)
}

// The addresses are promised to readers of the document.
func TestAddresses(t *testing.T) {
	t.Parallel()
	l := newLab(t, lab.Options{Backends: 3, VIPs: 3})
	require.Equal(t, "203.0.113.2", l.Client4.String())
	require.Equal(t, "2001:db8:203::2", l.Client6.String())
	require.Equal(t, "[198.51.100.2 198.51.100.101 198.51.100.102]", fmt.Sprint(l.VIPs4))
	require.Equal(t, "[2001:db8:198:51::2 2001:db8:198:51::101 2001:db8:198:51::102]", fmt.Sprint(l.VIPs6))
	for i, b := range l.Backends {
		require.Equal(t, fmt.Sprintf("backend%d", i+1), b.Name)
		require.Equal(t, fmt.Sprintf("10.128.0.%d", i+2), b.Internal4.String())
		require.Equal(t, fmt.Sprintf("198.51.100.%d", i+3), b.External4.String())
		require.Equal(t, fmt.Sprintf("2001:db8:10:128::%d", i+2), b.Internal6.String())
	}
	require.False(t, l.Prefix6.IsValid())
}

// A backend looks like the document's: the VIP in the local table, with
// protocol 66, and on no interface.
func TestBackendOwnsNoVIP(t *testing.T) {
	t.Parallel()
	l := newLab(t, lab.Options{})
	for _, b := range l.Backends {
		link, err := b.Link("eth0")
		require.NoError(t, err)
		require.Equal(t, lab.MTU, link.Attrs().MTU)

		var owned []string
		addrs, err := b.Netlink().AddrList(nil, netlink.FAMILY_ALL)
		require.NoError(t, err)
		for _, a := range addrs {
			owned = append(owned, a.IPNet.String())
		}
		linkLocal := "fe80::4001:aff:fe80:" + b.Internal4.String()[len("10.128.0."):] + "/64"
		require.ElementsMatch(t, []string{
			"127.0.0.1/8", "::1/128", b.Internal4.String() + "/32", b.Internal6.String() + "/128", linkLocal,
		}, owned)

		for _, f := range families {
			routes, err := b.Netlink().RouteListFiltered(netlink.FAMILY_ALL,
				&netlink.Route{Table: unix.RT_TABLE_LOCAL, Protocol: 66}, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_PROTOCOL)
			require.NoError(t, err)
			for _, vip := range f.vips(l) {
				found := 0
				for _, r := range routes {
					if ones, _ := r.Dst.Mask.Size(); r.Dst.IP.Equal(vip.AsSlice()) && ones == vip.BitLen() {
						require.Equal(t, unix.RTN_LOCAL, r.Type)
						require.Equal(t, link.Attrs().Index, r.LinkIndex)
						if vip.Is4() {
							require.Equal(t, netlink.SCOPE_HOST, r.Scope)
						}
						found++
					}
				}
				require.Equal(t, 1, found, "%v in %v", vip, routes)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		o    lab.Options
		text string
	}{
		{lab.Options{Balancer: "round robin"}, "round robin"},
		{lab.Options{Backends: -1}, "1 to 90"},
		{lab.Options{Backends: 91}, "1 to 90"},
		{lab.Options{VIPs: -1}, "1 to 150"},
		{lab.Options{VIPs: 151}, "1 to 150"},
	} {
		_, err := lab.New(tt.o)
		require.ErrorContains(t, err, tt.text)
	}
}

// The largest labs work, and no address is used twice.
func TestMaximum(t *testing.T) {
	t.Parallel()
	vips := newLab(t, lab.Options{Backends: 1, VIPs: 150})
	backends := newLab(t, lab.Options{Backends: 90, VIPs: 1})

	addrs := slices.Concat([]netip.Addr{vips.Client4, vips.Client6}, vips.VIPs4, vips.VIPs6)
	for _, b := range backends.Backends {
		addrs = append(addrs, b.Internal4, b.Internal6, b.External4)
	}
	seen := map[netip.Addr]bool{}
	for _, a := range addrs {
		require.False(t, seen[a], a)
		seen[a] = true
	}

	for _, f := range families {
		serveNaively(t, backends, f)
		last := backends.Backends[89]
		require.Equal(t, "backend90:hi", ask(t, dial(t, backends, f.external(last)), "hi"))

		vip := f.vips(vips)[149]
		serveBound(t, vips, vip)
		require.Equal(t, "backend1:hi", ask(t, dial(t, vips, vip), "hi"))
	}
}

func TestOneBackend(t *testing.T) {
	t.Parallel()
	everyLab(t, lab.Options{Backends: 1, VIPs: 1}, func(t *testing.T, l *lab.Lab, f family) {
		serveBound(t, l, f.vips(l)...)
		require.Equal(t, "backend1:hi", ask(t, dial(t, l, f.vips(l)[0]), "hi"))
	})
}
