package dsrudp_test

import (
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestOnError: what the kernel says when the answers are sent is told with the
// path of the one that failed, and those around it are sent.
func TestOnError(t *testing.T) {
	foreign := netip.MustParseAddr("198.51.100.77")
	for _, w := range wildcards {
		t.Run(w.network+w.address, func(t *testing.T) {
			c := listen(t, w.network, w.address)
			x, y := dialOnePort(t, c, vips[0], vips[1])
			write(t, x, "x")
			write(t, y, "y")
			onError, all := telling()
			serve(t, &dsrudp.Server{OnError: onError, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				echoing(t).ServePacket(w, p)
				q := p.Clone()
				q.Path.Local = netip.AddrPortFrom(foreign, 0)
				assert.NoError(t, w.WritePacket(q), "the kernel has not been asked")
				n, err := w.Write(make([]byte, 65508))
				assert.NoError(t, err)
				assert.Equal(t, 65508, n)
				echoing(t).ServePacket(w, p)
			})}, c)
			remote := addrPortOf(x.LocalAddr())
			alien := dsrudp.Path{Local: netip.AddrPortFrom(foreign, portOf(c)), Remote: remote}
			toX, toY := pathFrom(c, vips[0], x), pathFrom(c, vips[1], y)
			tellings := make(map[dsrudp.Path]int)
			for range 4 {
				e := await(t, all)
				tellings[e.path]++
				if e.path == alien {
					requireWriteError(t, e.err, dsrudp.ErrNotLocal, remote)
				} else {
					requireWriteError(t, e.err, syscall.EMSGSIZE, remote)
				}
			}
			require.Equal(t, map[dsrudp.Path]int{alien: 2, toX: 1, toY: 1}, tellings)
			for range 2 {
				require.Equal(t, "x", read(t, x))
				require.Equal(t, "y", read(t, y))
			}
			require.EqualValues(t, 2, c.Stats().Refused)
			require.EqualValues(t, 2, c.Stats().SendTooLong)
			require.Zero(t, c.Stats().SendFailed)
			require.Zero(t, c.Stats().OffloadFallbacks)
			require.Empty(t, all)
		})
	}
}

// TestReplyNoPath: a datagram whose local address was lost is handed over
// without, and cannot be answered.
func TestReplyNoPath(t *testing.T) {
	u, err := net.ListenPacket("udp4", ":0")
	require.NoError(t, err)
	x, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer x.Close()
	_, err = x.WriteTo([]byte("lost"), &net.UDPAddr{IP: net.IPv4(127, 255, 255, 255), Port: int(portOf(u))})
	require.NoError(t, err)
	c := adopt(t, u.(*net.UDPConn)) // only now is it told of destinations
	known := dialVIP(t, c, vips[0])
	enqueue(t, 1, known)
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if string(p.Payload()) != "lost" {
			echoing(t).ServePacket(w, p)
			return
		}
		assert.Equal(t, dsrudp.Path{Remote: addrPortOf(x.LocalAddr())}, p.Path)
		_, err := w.Write([]byte("from anywhere"))
		requireWriteError(t, err, dsrudp.ErrNoPath, p.Path.Remote)
		requireWriteError(t, w.WritePacket(p), dsrudp.ErrNoPath, p.Path.Remote)
	})}, c)
	requireEchoes(t, 1, known)
	require.EqualValues(t, 1, c.Stats().LostPath)
	require.EqualValues(t, 2, c.Stats().Refused)
}

// TestServerBroadcast: a request to a broadcast address is handed over with it,
// and answered from the interface's own address.
func TestServerBroadcast(t *testing.T) {
	c := listen(t, "udp4", ":0")
	x, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer x.Close()
	group := netip.MustParseAddr("127.255.255.255")
	_, err = x.WriteTo([]byte("to all"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(group, portOf(c))))
	require.NoError(t, err)
	single := dialVIP(t, c, vips[0])
	write(t, single, "to one")
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		want := netip.Addr{}
		if strings.HasSuffix(string(p.Payload()), "all") {
			want = group
		}
		assert.Equal(t, want, p.OrigDst)
		echoing(t).ServePacket(w, p)
	})}, c)
	require.Equal(t, "to one", read(t, single))
	b := make([]byte, 16)
	n, from, err := x.ReadFrom(b)
	require.NoError(t, err)
	require.Equal(t, "to all", string(b[:n]))
	require.Equal(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), portOf(c)), addrPortOf(from))
}

// TestReplySizes: the longest datagram there is; one that is too long for any; and
// more answers than fit the Server's memory or one system call.
func TestReplySizes(t *testing.T) {
	c := listen(t, "udp4", ":0")
	x, y := dialOnePort(t, c, vips[0], vips[1])
	other := dsrudp.Path{Local: addrPortOf(y.RemoteAddr()), Remote: addrPortOf(y.LocalAddr())}
	const many, size = 40, 1500
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		switch string(p.Payload()) {
		case "long":
			n, err := w.Write(make([]byte, 65507))
			assert.NoError(t, err)
			assert.Equal(t, 65507, n)
		case "too long":
			n, err := w.Write(make([]byte, 1<<16+1))
			requireWriteError(t, err, syscall.EMSGSIZE, p.Path.Remote)
			assert.Zero(t, n)
			echoing(t).ServePacket(w, p)
		case "many":
			for i := range many {
				b := make([]byte, size)
				b[0] = byte(i)
				_, err := w.Write(b) // in turns, so that none can join another
				assert.NoError(t, err)
				assert.NoError(t, w.WritePacket(&dsrudp.Packet{Buf: b, N: size, Path: other}))
			}
		case "equal":
			for i := range 2 * many {
				b := make([]byte, size)
				b[0] = byte(i)
				_, err := w.Write(b)
				assert.NoError(t, err)
			}
		}
	})}, c)
	require.NoError(t, x.SetReadBuffer(1<<20))
	b := make([]byte, 1<<16)
	inOrder := func(client *net.UDPConn, count int) {
		for i := range count {
			n, err := client.Read(b)
			require.NoError(t, err, i)
			require.Equal(t, size, n)
			require.EqualValues(t, i, b[0])
		}
	}
	write(t, x, "long")
	n, err := x.Read(b)
	require.NoError(t, err)
	require.Equal(t, 65507, n)
	write(t, x, "too long")
	require.Equal(t, "too long", read(t, x))
	write(t, x, "many")
	inOrder(x, many)
	inOrder(y, many)
	write(t, x, "equal")
	inOrder(x, 2*many)
	require.Zero(t, c.Stats().OffloadFallbacks)
}
