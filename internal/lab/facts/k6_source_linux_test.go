package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// K6.4: a source that is not local fails a train with errors that segments fail
// with as well. That is told, and ends neither segments nor the source.
func TestK6_4_BadSource(t *testing.T) {
	d := newDuo(t)
	for _, tc := range k5Cases {
		name := tc.network + " " + tc.vips[0].String()
		foreign := netip.MustParseAddr("198.51.100.99")
		if tc.vips[0].Is6() {
			foreign = netip.MustParseAddr("2001:db8:bad::1")
		}
		t.Run("bare/"+name, func(t *testing.T) {
			b, client := d.listen(t, tc.network, netip.Addr{}), d.dial(t, tc.vips[0])
			d.ask(t, client)
			_, _, err := b.WriteMsgUDPAddrPort(k6Payload(k6Train), append(k6Source(tc.network, foreign), k6Segment(k6Size)...), b.receive().from)
			bareFails(t, err, badSource...)
		})
		t.Run("dsrudp/"+name, func(t *testing.T) {
			c := d.listenDSR(t, dsrudp.ListenConfig{}, tc.network, netip.Addr{})
			client := d.dial(t, tc.vips[0])
			p := d.path(t, c, client)
			bad := p
			bad.Local = netip.AddrPortFrom(foreign, 0)
			for range 3 {
				never := k6Payload(k6Train)
				n, err := c.WritePackets(k6Packets(never, bad))
				require.Zero(t, n)
				dsrNotLocal(t, err)
				whole := []dsrudp.Packet{{Buf: never, N: len(never), SegmentSize: k6Size, Path: bad}}
				n, err = c.WritePackets(whole)
				require.Zero(t, n)
				dsrNotLocal(t, err)
				dsrNotLocal(t, whole[0].Err)
				d.requireSilence(t, string(never), string(never[:k6Size]))

				train := k6Payload(k6Train)
				n, err = c.WritePackets(k6Packets(train, p))
				require.NoError(t, err)
				require.Equal(t, 5, n)
				requireSegments(t, client, train, k6Size)
				d.requireTrain(t, train, tc.vips[0])
			}
			require.Zero(t, c.Stats().OffloadFallbacks)
			require.Zero(t, c.Stats().SendFailed)
		})
	}
}

// K6.6: who reads a socket with UDP_GRO and does not know takes a train for one
// datagram. So nobody is let.
func TestK6_6_TrainTakenForDatagram(t *testing.T) {
	d := newDuo(t)
	for _, tc := range k5Cases {
		name := tc.network + " " + tc.vips[0].String()
		t.Run("bare/"+name, func(t *testing.T) {
			b := d.listen(t, tc.network, netip.Addr{}, k6GRO)
			_, _, err := d.dial(t, tc.vips[0]).WriteMsgUDP(k6Payload(k6Train), k6Segment(k6Size), nil)
			require.NoError(t, err)
			n, _, err := b.ReadFrom(make([]byte, 2048))
			require.NoError(t, err)
			require.Equal(t, k6Train, n)
			_, err = dsrudp.NewConn(b.UDPConn)
			require.ErrorContains(t, err, "UDP_GRO")
		})
		t.Run("dsrudp/"+name, func(t *testing.T) {
			c := d.listenDSR(t, dsrudp.ListenConfig{GRO: true}, tc.network, netip.Addr{})
			client := d.dial(t, tc.vips[0])
			d.ask(t, client)
			refused := func(err error) {
				t.Helper()
				require.ErrorIs(t, err, dsrudp.ErrNotSupported)
				require.ErrorContains(t, err, "GRO")
			}
			_, err := c.File()
			refused(err)
			raw, err := c.SyscallConn()
			require.NoError(t, err)
			called := func(uintptr) bool { t.Error("called"); return true }
			refused(raw.Read(called))
			refused(raw.Write(called))
			require.NotZero(t, bareValue(t, c, unix.IPPROTO_UDP, unix.UDP_GRO), "Control works")
			for _, w := range dsrWays {
				if w.name == dsrPackets.name {
					continue
				}
				_, err := w.receive(c)
				refused(err)
				var op *net.OpError
				require.ErrorAs(t, err, &op, w.name)
				require.Equal(t, "read", op.Op)
			}
			r, err := dsrPackets.receive(c)
			require.NoError(t, err)
			require.NoError(t, r.answer("nothing was taken"))
			d.requireAccepted(t, client, "nothing was taken")
		})
	}
}
