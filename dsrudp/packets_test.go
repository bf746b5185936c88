package dsrudp_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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

// TestPromise4_ManyVIPs: requests to very many VIPs, more than there are datagrams in a
// batch, are each answered from their own, by WritePackets and by a Server.
func TestPromise4_ManyVIPs(t *testing.T) {
	const n, rounds = 199, 3 // n is prime
	for _, network := range []string{"udp4", "udp"} {
		t.Run(network, func(t *testing.T) {
			c := listen(t, network, ":0")
			require.NoError(t, c.SetReadBuffer(1<<20))
			var clients []*net.UDPConn
			for i := range n {
				clients = append(clients, dialVIP(t, c, netip.AddrFrom4([4]byte{127, 7, byte(i >> 6), byte(1 + i*3)})))
			}
			ask := func(round int) { // in an order of its own
				for i := range clients {
					x := clients[i*(2*round+1)%n]
					write(t, x, fmt.Sprint(round, " to ", x.RemoteAddr()))
				}
			}
			requireAnswers := func(round int) {
				for _, x := range clients {
					require.Equal(t, fmt.Sprint(round, " to ", x.RemoteAddr()), read(t, x))
				}
			}
			ask(0)
			writeAll(t, c, readAll(t, c, n))
			requireAnswers(0)
			ask(1)
			serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				assert.Equal(t, string(p.Payload()[len("0 to "):]), p.Path.Local.String())
				_, err := w.Write(p.Payload())
				assert.NoError(t, err)
			})}, c)
			for round := range rounds {
				requireAnswers(1 + round)
				if round+1 < rounds {
					ask(2 + round)
				}
			}
			require.Zero(t, c.Stats().Refused)
		})
	}
}

// TestReadPacketsErr: an error comes alone.
func TestReadPacketsErr(t *testing.T) {
	c := listen(t, "udp", ":0")
	n, err := c.ReadPackets(nil) // waits for nothing
	require.NoError(t, err)
	require.Zero(t, n)

	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
	n, err = c.ReadPackets(packets(2, 8))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Zero(t, n)
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "read", op.Op)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	require.Len(t, readAll(t, c, 1), 1)

	p := packet("1", pathFrom(c, vips[0], x))
	require.NoError(t, c.Close())
	n, err = c.ReadPackets(packets(2, 8))
	require.ErrorIs(t, err, net.ErrClosed)
	require.Zero(t, n)
	n, err = c.WritePackets([]dsrudp.Packet{p, p})
	require.ErrorIs(t, err, net.ErrClosed)
	require.Zero(t, n)
}

// TestWritePacketsConnected: on an adopted connected socket Packets go to the peer, and to
// no other.
func TestWritePacketsConnected(t *testing.T) {
	x := listen(t, "udp4", "127.0.0.1:0")
	c := adopt(t, dial(t, netip.AddrPort{}, addrPortOf(x.LocalAddr())))
	path := dsrudp.Path{Local: addrPortOf(c.LocalAddr()), Remote: addrPortOf(x.LocalAddr())}
	other := path
	other.Remote = netip.MustParseAddrPort("127.0.0.1:9")
	ps := []dsrudp.Packet{packet("1", path), packet("2", other), packet("3", path)}
	n, err := c.WritePackets(ps)
	require.Equal(t, 2, n)
	require.ErrorIs(t, err, net.ErrWriteToConnected)
	for _, want := range []string{"1", "3"} {
		got := readAll(t, x, 1)[0]
		require.Equal(t, want, string(got.Payload()))
		require.Equal(t, path.Local, got.Path.Remote)
	}
}
