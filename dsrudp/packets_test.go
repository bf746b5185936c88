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

// TestPacketSegments: the datagrams of a Packet, without room for an append to write to the
// next one; and a Clone, which has memory of its own.
func TestPacketSegments(t *testing.T) {
	for _, tc := range []struct {
		payload string
		size    int
		want    []string
	}{
		{"", 0, []string{""}},
		{"", 3, []string{""}},
		{"abcdef", 0, []string{"abcdef"}},
		{"abcdef", 6, []string{"abcdef"}},
		{"abcdef", 9, []string{"abcdef"}},
		{"abcdef", 3, []string{"abc", "def"}},
		{"abcdefg", 3, []string{"abc", "def", "g"}},
	} {
		p := dsrudp.Packet{Buf: []byte(tc.payload + "behind"), N: len(tc.payload), SegmentSize: tc.size}
		var got []string
		for s := range p.Segments() {
			got = append(got, string(s))
			_ = append(s, 'X')
		}
		require.Equal(t, tc.want, got)
		require.Equal(t, tc.payload+"behind", string(p.Buf))
		for s := range p.Segments() {
			require.Equal(t, tc.want[0], string(s))
			break
		}
		q := p.Clone()
		require.Len(t, q.Buf, p.N)
		if p.N > 0 {
			q.Buf[0] = 'X'
			require.Equal(t, tc.payload, string(p.Payload()))
		}
		q.Buf = p.Buf
		require.Equal(t, &p, q)
	}
}

// TestPromise4_PacketsTwoVIPs: a batch of requests from one client port to two VIPs has
// the Path of each, and a batch of answers, in the other order, goes the way of each.
func TestPromise4_PacketsTwoVIPs(t *testing.T) {
	for _, w := range wildcards {
		t.Run(w.network+w.address, func(t *testing.T) {
			c := listen(t, w.network, w.address)
			x, y := dialOnePort(t, c, vips[0], vips[1])
			clients := map[netip.Addr]*net.UDPConn{vips[0]: x, vips[1]: y}
			const rounds = 40 // more than one call takes
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

// TestPromise4_PacketsFamilies: clients of both families share a batch of a dual-stack
// socket, and addresses are unmapped in it.
func TestPromise4_PacketsFamilies(t *testing.T) {
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
