package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// K2.5: IPV6_FREEBIND lets every address out as a source, which makes of a
// server a means to spoof. The library lets out those that are the host's.
func TestK2_5_ForeignSource(t *testing.T) {
	d := newDuo(t)
	for name, a := range map[string]netip.Addr{
		"unknown":             netip.MustParseAddr("2001:db8:bad::1"),
		"the client's":        duoClient6,
		"next to a VIP":       duoVIPs6[1].Next(),
		"next to the range":   netip.MustParseAddr("2001:db8:96::1:0:0"),
		"on the link, unused": netip.MustParseAddr("2001:db8:1::77"),
	} {
		t.Run(name, func(t *testing.T) {
			d.guardBare(t, info6{addr: a}, unix.EINVAL)
			d.guardRefuses(t, info6{addr: a})
		})
	}
	t.Run("with an interface", func(t *testing.T) {
		d.guardRefuses(t, info6{addr: netip.MustParseAddr("2001:db8:bad::1"), ifindex: siteIndex(t, d.server, duoDev)})
	})
}

// K2.6: a group as the source.
func TestK2_6_MulticastSource(t *testing.T) {
	d := newDuo(t)
	for _, group := range []string{"ff0e::1234", "ff05::1234"} {
		src := info6{addr: netip.MustParseAddr(group)}
		t.Run(group, func(t *testing.T) {
			d.guardBare(t, src, unix.EINVAL)
			d.guardRefuses(t, src)
		})
	}
}

// K2.7: a link-local source that is not the host's on that link. The host has
// another link here, with an address of its own.
func TestK2_7_LinkLocalSource(t *testing.T) {
	d := newDuo(t)
	require.NoError(t, lab.Connect(d.client, "eth1", d.server, "eth1"))
	src := info6{addr: netip.MustParseAddr("fe80::bad"), ifindex: siteIndex(t, d.server, duoDev)}
	t.Run("nobody's", func(t *testing.T) {
		d.guardBare(t, src, unix.EINVAL)
		d.guardRefuses(t, src)
	})
	src.addr = duoLinkLocal(t, d.server, "eth1")
	t.Run("of another link", func(t *testing.T) {
		d.guardBare(t, src, unix.EINVAL)
		d.guardRefuses(t, src)
	})
}
