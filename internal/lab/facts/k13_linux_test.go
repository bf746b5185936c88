package facts_test

import (
	"net"
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// What a socket takes is decided by IPV6_V6ONLY as the caller's Control leaves
// it, and not by the network's name.
func TestK13_FamilyAfterControl(t *testing.T) {
	d := newDuo(t)
	t.Run("udp6 made dual-stack", func(t *testing.T) {
		lc := dsrudp.ListenConfig{Control: bareControl(bareOff(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY))}
		c := d.listenDSR(t, lc, "udp6", netip.Addr{})
		require.NotZero(t, bareValue(t, c, unix.IPPROTO_IP, unix.IP_PKTINFO))
		for _, w := range dsrWays {
			d.requireAnswered(t, c, w, append(d.dialVIPs(t, duoVIPs4), d.dialAll(t)...)...)
		}
		require.Zero(t, c.Stats().LostPath)
	})
	t.Run("udp made IPv6 only", func(t *testing.T) {
		lc := dsrudp.ListenConfig{Control: bareControl(bareOn(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY))}
		c := d.listenDSR(t, lc, "udp", netip.Addr{})
		require.Zero(t, bareValue(t, c, unix.IPPROTO_IP, unix.IP_PKTINFO), "no more options than the family needs")
		for _, w := range dsrWays {
			d.requireAnswered(t, c, w, d.dialAll(t)...)
		}
		client := d.dial(t, duoVIPs4[0])
		d.ask(t, client)
		_, err := client.Read(make([]byte, 16))
		require.ErrorIs(t, err, unix.ECONNREFUSED)

		// To an IPv4 peer the kernel does not send, as it would not for net.
		to := siteAddr(client.LocalAddr())
		_, err = c.WriteToUDPAddrPort([]byte("x"), to)
		require.ErrorIs(t, err, unix.ENETUNREACH)
		_, err = c.WriteToPath([]byte("x"), dsrudp.Path{Local: guardVIP(duoVIPs4[0]), Remote: to})
		require.Error(t, err)
		require.NoError(t, c.Close())
		_, err = d.listen(t, "udp6", netip.Addr{}).WriteToUDPAddrPort([]byte("x"), to)
		require.ErrorIs(t, err, unix.ENETUNREACH)
	})
}

// net binds the wildcard where a group is asked for, so that such a socket
// receives for VIPs too, and is not bound to the one address it was given.
func TestK13_GroupIsBoundAsWildcard(t *testing.T) {
	d := newDuo(t)
	for _, tc := range []struct {
		network string
		group   string
		vips    []netip.Addr
	}{
		{"udp4", "224.0.0.251", duoVIPs4},
		{"udp", "224.0.0.251", duoVIPs4},
		{"udp6", "ff02::fb", d.vips},
		{"udp", "ff02::fb", d.vips},
	} {
		t.Run(tc.network+"/"+tc.group, func(t *testing.T) {
			group := netip.MustParseAddr(tc.group)
			b := d.listen(t, tc.network, group)
			require.True(t, siteAddr(b.LocalAddr()).Addr().IsUnspecified())
			require.NoError(t, b.Close())
			for _, w := range dsrWays {
				c := d.listenDSR(t, dsrudp.ListenConfig{}, tc.network, group)
				require.True(t, siteAddr(c.LocalAddr()).Addr().IsUnspecified())
				d.requireAnswered(t, c, w, d.dialVIPs(t, tc.vips)...)
				require.NoError(t, c.Close())
			}
		})
	}
}

// The zones of addresses are names of the namespace that the socket is in,
// whichever thread asks. This one's knows no such interface, so that package net
// shows, and takes, nothing but its number.
func TestK13_ZonesElsewhere(t *testing.T) {
	d := newDuo(t)
	const dev = "elsewhere0"
	_, err := net.InterfaceByName(dev)
	require.Error(t, err)
	require.NoError(t, lab.Connect(d.client, "eth1", d.server, dev))
	number := strconv.Itoa(siteIndex(t, d.server, dev))
	at := duoLinkLocal(t, d.server, dev)
	dial := func(t *testing.T) *net.UDPConn {
		zone := strconv.Itoa(siteIndex(t, d.client, "eth1"))
		return duoDial(t, d.client, netip.AddrPort{}, guardVIP(at.WithZone(zone)))
	}
	from := duoLinkLocal(t, d.client, "eth1")

	t.Run("bare", func(t *testing.T) {
		b := d.listen(t, "udp6", netip.Addr{})
		d.ask(t, dial(t))
		r := b.receive()
		require.Equal(t, number, r.from.Addr().Zone())
	})
	d.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
		client := dial(t)
		d.ask(t, client)
		_, addr, err := c.ReadFrom(make([]byte, 2048))
		require.NoError(t, err)
		require.Equal(t, dev, addr.(*net.UDPAddr).Zone)
		p, ok := dsrudp.PathOf(addr)
		require.True(t, ok)
		require.Equal(t, guardVIP(at.WithZone(dev)), p.Local)
		d.ask(t, client)
		_, remote, err := c.ReadFromUDPAddrPort(make([]byte, 2048))
		require.NoError(t, err)
		require.Equal(t, netip.AddrPortFrom(from.WithZone(dev), siteAddr(client.LocalAddr()).Port()), remote)

		// Made from strings, with the name or the number.
		for _, zone := range []string{dev, number} {
			remote := netip.AddrPortFrom(from.WithZone(zone), remote.Port())
			rebuilt, err := net.ResolveUDPAddr("udp6", remote.String())
			require.NoError(t, err)
			_, err = c.WriteTo([]byte("to "+zone), rebuilt)
			require.NoError(t, err)
			d.requireAccepted(t, client, "to "+zone)
			_, err = c.WriteToUDPAddrPort([]byte("to "+zone), remote)
			require.NoError(t, err)
			d.requireAccepted(t, client, "to "+zone)
			_, err = c.WriteToPath([]byte("from "+zone), dsrudp.Path{Local: guardVIP(at.WithZone(zone)), Remote: remote})
			require.NoError(t, err)
			d.requireAccepted(t, client, "from "+zone)
		}
		require.Zero(t, c.Stats().UnknownPath)
	})
}
