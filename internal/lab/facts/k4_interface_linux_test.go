package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// K4.1: on a socket bound to the VIP, control messages that name the interface
// to leave by, and no source, take it off that address where the kernel gets
// them as they are. A server of mDNS or DHCP sends to groups with them; dsrudp
// keeps both, the interface and the address.
func TestK4_1_InterfaceToGroup(t *testing.T) {
	d := newDuo(t)
	vip, index := duoVIPs4[0], siteIndex(t, d.server, duoDev)
	groups := []netip.AddrPort{
		netip.MustParseAddrPort("239.1.2.3:9"),
		netip.MustParseAddrPort("255.255.255.255:9"),
	}
	t.Run("bare", func(t *testing.T) {
		b := d.listen(t, "udp4", vip)
		for _, to := range groups {
			payload := duoPayload("bare")
			_, _, err := b.WriteMsgUDPAddrPort([]byte(payload), info4{ifindex: index}.oob(), to)
			require.NoError(t, err)
			d.requireSentFrom(t, payload, duoServer4)
		}
	})
	t.Run("dsrudp", func(t *testing.T) {
		c := d.listenDSR(t, dsrudp.ListenConfig{}, "udp4", vip)
		for _, to := range groups {
			payload := duoPayload("dsrudp")
			_, _, err := c.WriteMsgUDPAddrPort([]byte(payload), info4{ifindex: index}.oob(), to)
			require.NoError(t, err)
			d.requireSentFrom(t, payload, vip)
		}
	})
	t.Run("dsrudp/IPv6", func(t *testing.T) {
		vip, to := duoVIPs6[0], netip.MustParseAddrPort("[ff0e::1234]:9")
		c := d.listenDSR(t, dsrudp.ListenConfig{}, "udp6", vip)
		payload := duoPayload("dsrudp")
		_, _, err := c.WriteMsgUDPAddrPort([]byte(payload), info6{ifindex: index}.oob(), to)
		require.NoError(t, err)
		d.requireSentFrom(t, payload, vip)
	})
}
