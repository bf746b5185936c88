package facts_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// K6.2: how many segments a message may have, and how long they and it may be.
func TestK6_2_Limits(t *testing.T) {
	d := newDuo(t)
	for _, p := range k8Peers {
		most, mtu := 65507, 1500-20-8
		if p.a.Is6() {
			most, mtu = 65527, 1500-40-8
		}
		for _, network := range p.networks {
			t.Run("bare/"+p.name+"/"+network, func(t *testing.T) {
				client := d.dialFrom(t, p.a, p.vips[0])
				b := d.listen(t, network, netip.Addr{}, k6Freebind(p.a))
				d.ask(t, client)
				r := b.receive()
				try := func(n, size int) error {
					_, _, err := b.WriteMsgUDPAddrPort(make([]byte, n), append(k6Source(network, p.vips[0]), k6Segment(size)...), r.from)
					return err
				}
				require.NoError(t, try(64, 1))
				if try(65, 1) == nil { // since Linux 6.9
					require.NoError(t, try(128, 1))
				}
				require.ErrorIs(t, try(129, 1), unix.EINVAL)
				require.NoError(t, try(2*mtu, mtu))
				bareFails(t, try(2*mtu+2, mtu+1), unix.EMSGSIZE, unix.EINVAL) // EINVAL before Linux 6.9
				require.NoError(t, try(most, mtu))
				require.ErrorIs(t, try(most+1, mtu), unix.EMSGSIZE)
			})
			t.Run("dsrudp/"+p.name+"/"+network, func(t *testing.T) {
				c := d.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
				client := d.dialFrom(t, p.a, p.vips[0])
				path := d.path(t, c, client)
				send := func(n, size int) {
					t.Helper()
					train := []byte(strings.Repeat(duoPayload("limits "), n))[:n]
					_, err := c.WritePackets([]dsrudp.Packet{{Buf: train, N: n, SegmentSize: size, Path: path}})
					require.NoError(t, err)
					requireSegments(t, client, train, size)
				}
				send(129, 1) // more than one message has
				send(2*mtu, mtu)
				send(most+mtu, mtu) // longer than one
				require.LessOrEqual(t, c.Stats().OffloadFallbacks, uint64(1), "an old kernel's limit is found once")
				before := c.Stats().OffloadFallbacks
				send(2*mtu+2, mtu+1) // as fragments, one by one
				require.Equal(t, before+1, c.Stats().OffloadFallbacks)
				send(2*mtu+2, mtu+1)
				require.Equal(t, before+1, c.Stats().OffloadFallbacks, "that was known")
				send(2*mtu, mtu)
				require.Equal(t, before+1, c.Stats().OffloadFallbacks)
				require.Zero(t, c.Stats().SendTooLong)
			})
		}
	}
}

// K6.3: of a train that is longer than the buffer the rest is lost, whole
// datagrams of it.
func TestK6_3_ShortBuffer(t *testing.T) {
	d := newDuo(t)
	for _, tc := range k5Cases {
		name := tc.network + " " + tc.vips[0].String()
		train := k6Payload(k6Train)
		ask := func(t *testing.T, client *net.UDPConn) {
			t.Helper()
			_, _, err := client.WriteMsgUDP(train, k6Segment(k6Size), nil)
			require.NoError(t, err)
			d.ask(t, client)
		}
		t.Run("bare/"+name, func(t *testing.T) {
			b := d.listen(t, tc.network, netip.Addr{}, k6GRO)
			ask(t, d.dial(t, tc.vips[0]))
			n, _, flags, _, err := b.ReadMsgUDPAddrPort(make([]byte, 2*k6Size), make([]byte, 128))
			require.NoError(t, err)
			require.Equal(t, 2*k6Size, n)
			require.Equal(t, unix.MSG_TRUNC, flags)
			require.Contains(t, b.receive().payload, "request", "the rest of the train")
		})
		t.Run("dsrudp/"+name, func(t *testing.T) {
			c := d.listenDSR(t, dsrudp.ListenConfig{GRO: true}, tc.network, netip.Addr{})
			client := d.dial(t, tc.vips[0])
			ask(t, client)
			ps := []dsrudp.Packet{{Buf: make([]byte, 2*k6Size)}, {Buf: make([]byte, 1<<16)}}
			got := 0
			for got < 2 {
				n, err := c.ReadPackets(ps[got:])
				require.NoError(t, err)
				got += n
			}
			require.True(t, ps[0].Truncated)
			require.Equal(t, k6Size, ps[0].SegmentSize)
			require.Equal(t, string(train[:2*k6Size]), string(ps[0].Payload()))
			require.False(t, ps[1].Truncated)
			require.Equal(t, tc.vips[0], ps[0].Path.Local.Addr())
			require.EqualValues(t, 1, c.Stats().Truncated)
			// A Server's buffers hold all there is.
			serve(t, &dsrudp.Server{Handler: echoing(t)}, c)
			long := []byte(strings.Repeat("long ", 60000/5)) // with all headers less than 64 KiB, or it is cut on the way
			_, _, err := client.WriteMsgUDP(long, k6Segment(1400), nil)
			require.NoError(t, err)
			requireSegments(t, client, long, 1400)
			require.EqualValues(t, 1, c.Stats().Truncated)
		})
	}
}
