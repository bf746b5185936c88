package dsrudp_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestTrainBroadcast: a train that was sent to a broadcast address has it in OrigDst,
// and so has each of its datagrams, whatever the handler made of the one before.
func TestTrainBroadcast(t *testing.T) {
	group := netip.MustParseAddr("127.255.255.255")
	for _, w := range wildcards {
		c := listenWith(t, &dsrudp.ListenConfig{GRO: true}, w.network, w.address)
		x := dial(t, netip.AddrPort{}, netip.AddrPortFrom(group, portOf(c)))
		sendTrain(t, x, 'a')
		whole := readTrains(t, c, 1)[0]
		require.Equal(t, trainSize, whole.SegmentSize)
		require.Equal(t, group, whole.OrigDst)

		sent := sendTrain(t, x, 'a')
		one := dialVIP(t, c, vips[0])
		write(t, one, "to one") // behind it
		var calls []dsrudp.Packet
		v := serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			calls = append(calls, *p.Clone())
			if !p.OrigDst.IsValid() {
				_, err := w.Write(p.Payload())
				assert.NoError(t, err)
			}
			*p = dsrudp.Packet{}
		})}, c)
		require.Equal(t, "to one", read(t, one))
		require.NoError(t, c.Close())
		require.ErrorIs(t, v.wait(t), net.ErrClosed)

		require.Len(t, calls, 6)
		for i, p := range calls[:5] {
			from := i * trainSize
			require.Equal(t, sent[from:min(from+trainSize, trainLen)], string(p.Payload()))
			require.Equal(t, group, p.OrigDst, i)
			require.Equal(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), portOf(c)), p.Path.Local, i)
		}
		require.False(t, calls[5].OrigDst.IsValid())
	}
}
