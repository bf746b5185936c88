package dsrudp_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"

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

// TestPromise4_PacketsTwoVIPs: a batch of requests from one client port to two VIPs, and from
// another to an IPv6 address, has the Path of each, in which addresses are unmapped. A batch of
// answers, in the other order, goes the way of each.
func TestPromise4_PacketsTwoVIPs(t *testing.T) {
	for _, at := range endpoints {
		t.Run(at.String(), func(t *testing.T) {
			c := listenAt(t, at)
			clients := dialAll(t, c, at.asked)
			const n = 40 // more than one call takes, of two clients
			enqueue(t, n, clients...)
			ps := readAll(t, c, n*len(clients))
			for i, p := range ps {
				x := clients[i%len(clients)]
				require.Equal(t, request(x, i/len(clients)), string(p.Payload()))
				require.Equal(t, between(x), p.Path)
			}
			slices.Reverse(ps)
			writeAll(t, c, ps)
			for _, x := range clients {
				for i := n - 1; i >= 0; i-- {
					require.Equal(t, request(x, i), read(t, x))
				}
			}
		})
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
