package source_test

import (
	"net"
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/source"
	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

func digits(ifindex uint32) string { return strconv.FormatUint(uint64(ifindex), 10) }

// TestZones: the zone of an address is the interface's name, as net has it, and back. Of
// an interface that there is not it is the number.
func TestZones(t *testing.T) {
	needNetlink(t)
	s := selector(t, "udp6", ":0")
	linkLocal := netip.MustParseAddr("fe80::1")
	zones := map[string]uint32{"1073741824": 1 << 30}
	all, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range all {
		zones[i.Name] = uint32(i.Index)
	}
	for range 2 { // asked for, and remembered
		for zone, ifindex := range zones {
			a := addrOf(linkLocal, ifindex)
			require.Equal(t, netip.AddrPortFrom(linkLocal.WithZone(zone), 9), s.RemoteAddrPort(&a))
			require.Equal(t, s.RemoteAddrPort(&a), s.NetAddrPort(&a))
			local := source.Local{Addr: linkLocal, Ifindex: ifindex}
			require.Equal(t, netip.AddrPortFrom(linkLocal.WithZone(zone), s.Port()), s.LocalAddrPort(&local))
			for _, name := range []string{zone, digits(ifindex)} {
				var h source.Header
				require.NoError(t, s.ByAddrPort(netip.AddrPortFrom(linkLocal.WithZone(name), 9), &h))
				require.Equal(t, a, h.Remote, name)
			}
		}
	}
	for _, nowhere := range []string{"nowhere", "a name longer than an interface can have", "4294967296", "-1"} {
		var h source.Header
		require.NoError(t, s.ByAddrPort(netip.AddrPortFrom(linkLocal.WithZone(nowhere), 9), &h))
		require.Equal(t, addrOf(linkLocal, 0), h.Remote)
	}
}

// TestAddresses: callers get addresses as net would give them, IPv4-mapped on an AF_INET6
// socket, and those of a Path always unmapped.
func TestAddresses(t *testing.T) {
	for _, tc := range []struct {
		network string
		remote  netip.Addr
		net     string
	}{
		{"udp4", one, "127.0.0.1:9"},
		{"udp", one, "[::ffff:127.0.0.1]:9"},
		{"udp", one6, "[::1]:9"},
	} {
		s := selector(t, tc.network, ":0")
		from, a := mmsg.Addr{AddrPort: netip.AddrPortFrom(tc.remote, 9)}, source.Arrival{Ifindex: 7}
		require.Equal(t, netip.MustParseAddrPort(tc.net), s.NetAddrPort(&from))
		require.Equal(t, from.AddrPort, s.RemoteAddrPort(&from))

		for _, local := range []netip.Addr{{}, tc.remote} { // lost, and known
			a.Local.Addr = local
			addr := s.UDPAddr(&from, &a)
			require.Equal(t, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(tc.net)), addr)
			c, ok := udpaddr.Parse(addr)
			require.True(t, ok)
			require.Equal(t, udpaddr.Carried{Local: netip.AddrPortFrom(local, s.Port()), Ifindex: 7, Lost: !local.IsValid()}, c)
		}
	}
	require.Zero(t, selector(t, "udp", ":0").LocalAddrPort(new(source.Local)))
}
