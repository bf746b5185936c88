package dsrudp_test

import (
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// refusedPeer returns a connected Conn of whose last datagram the kernel has heard that
// nobody listened, and will say so to whoever sends next, and the peer, which does listen now.
func refusedPeer(t *testing.T) (*dsrudp.Conn, *net.UDPConn, dsrudp.Path) {
	t.Helper()
	x, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(vips[0], 0)))
	require.NoError(t, err)
	remote := addrPortOf(x.LocalAddr())
	u := dial(t, netip.AddrPortFrom(vips[1], 0), remote)
	require.NoError(t, x.Close())
	write(t, u, "to nobody")
	raw, err := u.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(fds, int(patience.Milliseconds()))
		require.NoError(t, err)
		require.Equal(t, 1, n, "nothing was refused")
	}))
	again, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(remote))
	require.NoError(t, err)
	t.Cleanup(func() { again.Close() })
	connectTo(t, again, addrPortOf(u.LocalAddr()))
	setsockopts(t, again, [2]int{unix.IPPROTO_UDP, unix.UDP_GRO})
	c := adopt(t, u)
	return c, again, dsrudp.Path{Local: addrPortOf(u.LocalAddr()), Remote: remote}
}

// connectTo connects c, which had to be bound before.
func connectTo(t *testing.T, c *net.UDPConn, peer netip.AddrPort) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		require.NoError(t, unix.Connect(int(fd), &unix.SockaddrInet4{Addr: peer.Addr().As4(), Port: int(peer.Port())}))
	}))
}

// TestMergedAfterRefusal: that nobody listened to an earlier datagram is one datagram's
// error, as with net, and not that of all which were to leave with it; and no reason
// to give up merging.
func TestMergedAfterRefusal(t *testing.T) {
	c, x, p := refusedPeer(t)
	ps, all := packetsOf(p, true, times(30, 10)...)
	n, err := c.WritePackets(ps)
	require.Equal(t, 29, n)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	requireWriteOp(t, ps[0].Err, syscall.ECONNREFUSED)
	var want []train
	for i, p := range ps[1:] {
		require.NoError(t, p.Err)
		want = append(want, train{all[10*(i+1):][:10], 0})
	}
	requireTrains(t, x, want...)
	s := c.Stats()
	require.EqualValues(t, 1, s.SendUnreachable)
	require.Zero(t, s.OffloadFallbacks)
	writeAll(t, c, ps)
	requireTrains(t, x, train{all, 10})
}

// TestTrainAfterRefusal: the same of a Packet that is a train.
func TestTrainAfterRefusal(t *testing.T) {
	c, x, p := refusedPeer(t)
	tr := packet(bytesOf(0, 25), p)
	tr.SegmentSize = 10
	n, err := c.WritePackets([]dsrudp.Packet{tr})
	require.Zero(t, n, "not all of it was sent")
	requireWriteOp(t, err, syscall.ECONNREFUSED)
	requireTrains(t, x, train{bytesOf(0, 25)[10:20], 0}, train{bytesOf(0, 25)[20:], 0})
	require.EqualValues(t, 1, c.Stats().SendUnreachable)
}

// TestBatchAfterRefusal: the caller of WriteBatch, who sends a message again unless it
// comes back with its error, gets it for the first and has all others sent.
func TestBatchAfterRefusal(t *testing.T) {
	c, x, _ := refusedPeer(t)
	var ms []ipv4.Message
	for range 5 {
		ms = append(ms, ipv4.Message{Buffers: [][]byte{[]byte("batch")}})
	}
	n, err := c.WriteBatch(ms, 0)
	require.Zero(t, n)
	requireWriteOp(t, err, syscall.ECONNREFUSED)
	requireNothing(t, x)
	n, err = c.WriteBatch(ms[1:], 0)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	requireTrains(t, x, train{"batchbatchbatchbatch", 5})
}
