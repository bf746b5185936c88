package dsrudp

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLongTrainWithdrawn: of a train that is longer than what a Server sends at once, a
// part may have left when its source is withdrawn. Then the handler is not told that
// nothing will, and OnError is; each datagram has left or is counted, and not both.
func TestLongTrainWithdrawn(t *testing.T) {
	const datagrams, size = 70, 1000
	partly := 0
	for moment := 1; ; moment++ {
		require.Less(t, moment, 50, "there is no end")
		c, err := ListenPacket("udp6", "[::]:0")
		require.NoError(t, err)
		c.guard6 = false // all addresses are local
		gen, looks := uint64(1), 0
		c.sock.Heed(func() uint64 {
			if looks++; looks == moment {
				c.guard6, gen = true, 2
			}
			return gen
		})
		// What asks is not what is answered, as the source is no address that there is.
		x, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
		require.NoError(t, err)
		require.NoError(t, x.SetReadBuffer(1<<20))
		asks, err := net.DialUDP("udp6", nil, &net.UDPAddr{IP: net.IPv6loopback, Port: int(c.port)})
		require.NoError(t, err)
		var written error
		told := 0
		s := &Server{
			OnError: func(_ Path, err error) {
				require.ErrorIs(t, err, ErrNotLocal)
				told++
			},
			Handler: HandlerFunc(func(w ReplyWriter, _ *Packet) {
				written = w.WritePacket(&Packet{
					Buf: make([]byte, datagrams*size), N: datagrams * size, SegmentSize: size,
					Path: Path{Local: netip.MustParseAddrPort("[2001:db8::77]:0"), Remote: x.LocalAddr().(*net.UDPAddr).AddrPort()},
				})
				w.Conn().Close()
			}),
		}
		_, err = asks.Write([]byte("ask"))
		require.NoError(t, err)
		require.ErrorIs(t, s.Serve(c), net.ErrClosed)

		left := momentArrived(t, x)
		refused := int(c.Stats().Refused)
		require.Equal(t, datagrams, left+refused, "look %d", moment)
		switch {
		case left == datagrams:
			require.NoError(t, written)
			require.Zero(t, told)
		case left > 0:
			partly++
			require.NoError(t, written, "look %d", moment)
			require.Positive(t, told)
		default:
			require.True(t, written != nil || told > 0)
		}
		require.NoError(t, x.Close())
		require.NoError(t, asks.Close())
		if looks < moment {
			break
		}
	}
	require.Positive(t, partly, "no moment was between")
}

// TestOutboxBounded: what an outbox may have to tell of is bounded, whatever the length of
// payloads.
func TestOutboxBounded(t *testing.T) {
	x := wildcard(t, "udp4").newOutbox()
	for range maxItems {
		require.True(t, x.fits(0))
		x.copy(nil)
	}
	require.False(t, x.fits(0))
	x.emptied()
	require.True(t, x.fits(0))
}
