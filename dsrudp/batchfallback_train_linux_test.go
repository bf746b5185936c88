package dsrudp_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestTrainRefused: a train that is refused counts as its datagrams, whether the
// kernel refused it, the guard, or nobody was asked.
func TestTrainRefused(t *testing.T) {
	for _, tc := range []struct {
		local  netip.AddrPort
		remote string
		want   error
	}{
		{netip.MustParseAddrPort("192.0.2.77:0"), "127.0.0.1:9", dsrudp.ErrNotLocal},
		{netip.MustParseAddrPort("[2001:db8::77]:0"), "[::1]:9", dsrudp.ErrNotLocal},
		{netip.AddrPort{}, "127.0.0.1:9", dsrudp.ErrNoPath},
	} {
		c := listen(t, "udp", ":0")
		p := packet(string(make([]byte, 1000)), dsrudp.Path{Local: tc.local, Remote: netip.MustParseAddrPort(tc.remote)})
		p.SegmentSize = 99
		n, err := c.WritePackets([]dsrudp.Packet{p})
		require.Zero(t, n)
		require.ErrorIs(t, err, tc.want)
		require.EqualValues(t, 11, c.Stats().Refused, "from %v", tc.local)
	}
}

// TestReplyTooLong: an answer that is too long is counted, and its error has the
// shape of the one that a Conn's write returns.
func TestReplyTooLong(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, netip.IPv6Loopback())
	tooLong := make([]byte, 70000)
	type outcome struct {
		err   error
		count uint64
	}
	outcomes := make(chan outcome, 2)
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		_, err := c.WriteToPath(tooLong, p.Path)
		outcomes <- outcome{err, c.Stats().SendTooLong}
		_, err = w.Write(tooLong)
		outcomes <- outcome{err, c.Stats().SendTooLong}
	})}, c)
	write(t, x, "x")
	first, second := await(t, outcomes), await(t, outcomes)
	require.EqualValues(t, 1, first.count)
	require.EqualValues(t, 2, second.count)
	require.EqualError(t, second.err, first.err.Error())
}
