package dsrudp_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestPacketsTwoVIPs: a batch of requests from one client port to two VIPs has
// the Path of each, and a batch of answers, in the other order, goes the way of
// each.
func TestPacketsTwoVIPs(t *testing.T) {
	for _, w := range wildcards {
		t.Run(w.network+w.address, func(t *testing.T) {
			c := listen(t, w.network, w.address)
			x, y := dialOnePort(t, c, vips[0], vips[1])
			clients := map[netip.Addr]*net.UDPConn{vips[0]: x, vips[1]: y}
			const rounds = 20 // more than one call takes
			for i := range rounds {
				write(t, x, fmt.Sprintf("%v %d", vips[0], i))
				write(t, y, fmt.Sprintf("%v %d", vips[1], i))
			}
			ps := readAll(t, c, 2*rounds)
			for i, p := range ps {
				vip := vips[i%2]
				require.Equal(t, fmt.Sprintf("%v %d", vip, i/2), string(p.Payload()))
				require.Equal(t, dsrudp.Path{
					Local:  netip.AddrPortFrom(vip, portOf(c)),
					Remote: addrPortOf(clients[vip].LocalAddr()),
				}, p.Path)
				require.False(t, p.OrigDst.IsValid())
				require.False(t, p.Truncated)
				require.Zero(t, p.SegmentSize)
				require.Zero(t, p.ECN)
				require.NoError(t, p.Err)
			}
			slices.Reverse(ps)
			n, err := c.WritePackets(ps)
			require.NoError(t, err)
			require.Equal(t, len(ps), n)
			for i := rounds - 1; i >= 0; i-- {
				for vip, client := range clients {
					require.Equal(t, fmt.Sprintf("%v %d", vip, i), read(t, client))
				}
			}
		})
	}
}

// TestPacketsFamilies: clients of both families share a batch of a dual-stack
// socket, and addresses are unmapped in it.
func TestPacketsFamilies(t *testing.T) {
	for _, w := range []struct {
		network string
		vips    []netip.Addr
	}{
		{"udp6", []netip.Addr{netip.IPv6Loopback()}},
		{"udp", []netip.Addr{vips[0], netip.IPv6Loopback(), vips[1]}},
	} {
		c := listen(t, w.network, ":0")
		var clients []*net.UDPConn
		for _, vip := range w.vips {
			x := dialVIP(t, c, vip)
			write(t, x, "from "+x.LocalAddr().String())
			clients = append(clients, x)
		}
		ps := readAll(t, c, len(clients))
		for i, p := range ps {
			require.Equal(t, dsrudp.Path{
				Local:  netip.AddrPortFrom(w.vips[i], portOf(c)),
				Remote: addrPortOf(clients[i].LocalAddr()),
			}, p.Path)
		}
		_, err := c.WritePackets(ps)
		require.NoError(t, err)
		for _, x := range clients {
			require.Equal(t, "from "+x.LocalAddr().String(), read(t, x))
		}
	}
}

// TestPacketsOneVIP: clients of one VIP, in turn and in a row, are told apart.
func TestPacketsOneVIP(t *testing.T) {
	c := listen(t, "udp", ":0")
	clients := []*net.UDPConn{dialVIP(t, c, vips[0]), dialVIP(t, c, vips[0])}
	order := []int{0, 0, 1, 1, 0, 1, 0}
	for _, k := range order {
		write(t, clients[k], "1")
	}
	for i, p := range readAll(t, c, len(order)) {
		require.Equal(t, addrPortOf(clients[order[i]].LocalAddr()), p.Path.Remote)
	}
}
