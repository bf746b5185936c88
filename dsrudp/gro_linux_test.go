package dsrudp_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestGRO: a train comes as one Packet, with its Path, its mark and the length of
// its segments, beside single datagrams; it is echoed as one.
func TestGRO(t *testing.T) {
	for _, w := range []struct {
		network string
		vips    []netip.Addr
	}{
		{"udp4", vips},
		{"udp", []netip.Addr{vips[1], netip.IPv6Loopback()}},
		{"udp6", []netip.Addr{netip.IPv6Loopback(), netip.IPv6Loopback()}},
	} {
		t.Run(w.network, func(t *testing.T) {
			c := listenWith(t, &dsrudp.ListenConfig{GRO: true, ECN: true}, w.network, ":0")
			var clients []*net.UDPConn
			for i, vip := range w.vips {
				x := dialTrains(t, c, vip)
				setClass(t, x, vip, i+1)
				clients = append(clients, x)
				writeTrain(t, x, bytesOf(i, 1050), 100)
				write(t, x, "single")
				writeTrain(t, x, bytesOf(i, 100), 100) // a train of one is none
			}
			ps := readTrains(t, c, 6)
			for i, p := range ps {
				k := i / 3
				require.Equal(t, pathFrom(c, w.vips[k], clients[k]), p.Path)
				require.Equal(t, dsrudp.ECN(k+1), p.ECN)
				require.False(t, p.Truncated)
				switch i % 3 {
				case 0:
					require.Equal(t, bytesOf(k, 1050), string(p.Payload()))
					require.Equal(t, 100, p.SegmentSize)
					rest := bytesOf(k, 1050)
					for s := range p.Segments() {
						n := min(100, len(rest))
						require.Equal(t, rest[:n], string(s))
						rest = rest[n:]
					}
					require.Empty(t, rest)
				case 1:
					require.Equal(t, "single", string(p.Payload()))
					require.Zero(t, p.SegmentSize)
				case 2:
					require.Equal(t, bytesOf(k, 100), string(p.Payload()))
					require.Zero(t, p.SegmentSize)
				}
				ps[i].ECN = 0
			}
			writeAll(t, c, ps)
			for k, x := range clients {
				requireTrains(t, x, train{bytesOf(k, 1050), 100}, train{"single", 0}, train{bytesOf(k, 100), 0})
			}
		})
	}
}

// TestGROTruncated (K6.3): a train in a short buffer has lost datagrams, and says
// so.
func TestGROTruncated(t *testing.T) {
	c := listenWith(t, &dsrudp.ListenConfig{GRO: true}, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	writeTrain(t, x, bytesOf(0, 1000), 100)
	write(t, x, "next")
	ps := packets(2, 250)
	for got := 0; got < 2; {
		n, err := c.ReadPackets(ps[got:])
		require.NoError(t, err)
		got += n
	}
	require.True(t, ps[0].Truncated)
	require.Equal(t, bytesOf(0, 1000)[:250], string(ps[0].Payload()))
	require.Equal(t, 100, ps[0].SegmentSize)
	require.False(t, ps[1].Truncated)
	require.EqualValues(t, 1, c.Stats().Truncated)
}

// TestGRORefuses: what would take a train for a datagram, or take datagrams away,
// is refused, and says why; options can be set, and writes work.
func TestGRORefuses(t *testing.T) {
	c := listenWith(t, &dsrudp.ListenConfig{GRO: true}, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	for name, reader := range readers {
		requireRefused(t, reader(c), name, "read")
	}
	_, err := c.ReadBatch([]ipv4.Message{{Buffers: [][]byte{make([]byte, 16)}}}, 0)
	requireRefused(t, err, "ReadBatch", "read")
	requireAlone(t, c)

	p := readTrains(t, c, 1)[0]
	require.Equal(t, "1", string(p.Payload()), "none of those took it")
	_, err = c.WriteToPath([]byte("2"), p.Path)
	require.NoError(t, err)
	require.Equal(t, "2", read(t, x))
	_, err = c.WriteTo([]byte("3"), net.UDPAddrFromAddrPort(p.Path.Remote))
	require.NoError(t, err)
	require.Equal(t, "3", read(t, x))
}

// requireRefused requires an error of a Conn that cannot do something.
func requireRefused(t *testing.T, err error, name, op string) {
	t.Helper()
	require.ErrorIs(t, err, dsrudp.ErrNotSupported, name)
	require.ErrorIs(t, err, errors.ErrUnsupported, name)
	require.ErrorContains(t, err, "ListenConfig.", name)
	if op != "" {
		var e *net.OpError
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, op, e.Op, name)
	}
}

// requireAlone requires that nobody reads c's socket besides.
func requireAlone(t *testing.T, c *dsrudp.Conn) {
	t.Helper()
	_, err := c.File()
	requireRefused(t, err, "File", "file")
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	called := func(uintptr) bool { t.Error("it was called"); return true }
	requireRefused(t, raw.Read(called), "raw read", "raw-read")
	requireRefused(t, raw.Write(called), "raw write", "raw-write")
	size := 0
	require.NoError(t, raw.Control(func(fd uintptr) { size, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF) }))
	require.NoError(t, err)
	require.Positive(t, size)
}

// TestGROOrReadAhead: a choice.
func TestGROOrReadAhead(t *testing.T) {
	for _, lc := range []dsrudp.ListenConfig{{GRO: true, ReadAhead: 2}, {GRO: true, CoalesceWrites: true}} {
		_, err := lc.ListenPacket(t.Context(), "udp", ":0")
		require.ErrorContains(t, err, "GRO")
		require.ErrorContains(t, err, "choose")
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		require.Equal(t, "listen", op.Op)
	}
}
