package dsrudp_test

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestReadPacketsTruncated: a datagram longer than its buffer is Truncated, and
// counted, and the others are not; what the fields were before is gone.
func TestReadPacketsTruncated(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	for _, s := range []string{"four", "longer", "", "1"} {
		write(t, x, s)
	}
	ps := packets(4, 4)
	ps[3].Buf = nil
	for i := range ps {
		ps[i].N, ps[i].SegmentSize, ps[i].ECN, ps[i].Truncated = 99, 7, dsrudp.CE, true
		ps[i].OrigDst, ps[i].Err = vips[1], os.ErrInvalid
	}
	for got := 0; got < len(ps); {
		n, err := c.ReadPackets(ps[got:])
		require.NoError(t, err)
		got += n
	}
	for i, want := range []string{"four", "long", "", ""} {
		p := ps[i]
		require.Equal(t, want, string(p.Payload()))
		require.Equal(t, i == 1 || i == 3, p.Truncated)
		require.Equal(t, vips[0], p.Path.Local.Addr())
		require.Zero(t, p.SegmentSize)
		require.Zero(t, p.ECN)
		require.Zero(t, p.OrigDst)
		require.NoError(t, p.Err)
	}
	require.EqualValues(t, 2, c.Stats().Truncated)
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

	require.NoError(t, c.Close())
	n, err = c.ReadPackets(packets(2, 8))
	require.ErrorIs(t, err, net.ErrClosed)
	require.Zero(t, n)
	n, err = c.WritePackets(readAllOf(x, c))
	require.ErrorIs(t, err, net.ErrClosed)
	require.Zero(t, n)
}

// readAllOf returns Packets for a client.
func readAllOf(x *net.UDPConn, c *dsrudp.Conn) []dsrudp.Packet {
	p := dsrudp.Path{Local: netip.AddrPortFrom(vips[0], portOf(c)), Remote: addrPortOf(x.LocalAddr())}
	return []dsrudp.Packet{packet("1", p), packet("2", p)}
}

// TestPacketsBroadcast: a request to a broadcast address has it in OrigDst, and
// is answered from a unicast one.
func TestPacketsBroadcast(t *testing.T) {
	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		broadcast := netip.MustParseAddr("127.255.255.255")
		x, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		require.NoError(t, err)
		defer x.Close()
		require.NoError(t, x.SetDeadline(time.Now().Add(patience)))
		_, err = x.WriteToUDPAddrPort([]byte("1"), netip.AddrPortFrom(broadcast, portOf(c)))
		require.NoError(t, err)
		ps := readAll(t, c, 1)
		require.Equal(t, broadcast, ps[0].OrigDst)
		require.Equal(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), portOf(c)), ps[0].Path.Local)
		_, err = c.WritePackets(ps)
		require.NoError(t, err)
		_, from, err := x.ReadFromUDPAddrPort(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, ps[0].Path.Local, from)
	}
}
