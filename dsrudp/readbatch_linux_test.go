package dsrudp_test

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// TestReadBatchLikeXNet: of equal datagrams ReadBatch tells what x/net's does,
// whatever the buffers.
func TestReadBatchLikeXNet(t *testing.T) {
	for _, network := range []string{"udp4", "udp6", "udp"} {
		ours, nets, xnets := bothBatches(t, network, ":0")
		vip := vips[1]
		opts := [][2]int{{unix.IPPROTO_IP, unix.IP_RECVTOS}, {unix.IPPROTO_IP, unix.IP_RECVTTL}}
		info := [][2]int{{unix.IPPROTO_IP, unix.IP_PKTINFO}}
		if network != "udp4" {
			opts = append(opts, [2]int{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT})
			info = append(info, [2]int{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO})
		}
		if network == "udp6" {
			vip, info = netip.IPv6Loopback(), info[1:]
		}
		setsockopts(t, ours, opts...)
		setsockopts(t, nets, append(opts, info...)...)
		x, v := dialVIP(t, ours, vip), dialVIP(t, nets, vip)
		for room := range 160 {
			shape := func() []ipv4.Message {
				ms := messages(4, 8)
				ms[1].Buffers = [][]byte{make([]byte, 2), nil, make([]byte, 3), make([]byte, 9)}
				ms[3].Buffers = nil
				for i := range ms {
					ms[i].OOB = make([]byte, room)
					ms[i].N, ms[i].NN, ms[i].Flags = 99, 99, 99 // of before
				}
				return ms
			}
			for _, s := range []string{"12345678", "longer than 14 bytes", "", "1"} {
				write(t, x, s)
				write(t, v, s)
			}
			got, want := shape(), shape()
			readBatch(t, ours, got)
			readBatch(t, xnets, want)
			for i := range want {
				if room == 0 {
					want[i].Flags &^= unix.MSG_CTRUNC // which is of options we set, and the caller did not
					got[i].Flags &^= unix.MSG_CTRUNC
				}
				require.Equal(t, want[i].N, got[i].N)
				require.Equal(t, want[i].NN, got[i].NN, "%s room %d", network, room)
				require.Equal(t, want[i].Flags, got[i].Flags, "%s room %d", network, room)
				require.Equal(t, want[i].Buffers, got[i].Buffers)
				requireSameMessages(t, want[i].OOB[:want[i].NN], got[i].OOB[:got[i].NN])
				require.Equal(t, x.LocalAddr().String(), got[i].Addr.String())
				require.IsType(t, want[i].Addr, got[i].Addr)
			}
		}
	}
}

// TestReadBatchFlags: with MSG_DONTWAIT it does not wait, and MSG_PEEK leaves the
// datagrams there, as x/net's.
func TestReadBatchFlags(t *testing.T) {
	ours, nets, xnets := bothBatches(t, "udp4", "127.0.0.1:0")
	for _, c := range []struct {
		batchConn
		addr net.Addr
	}{{ours, ours.LocalAddr()}, {xnets, nets.LocalAddr()}} {
		x := dial(t, netip.AddrPort{}, addrPortOf(c.addr))
		n, err := c.ReadBatch(messages(2, 8), unix.MSG_DONTWAIT)
		require.ErrorIs(t, err, unix.EAGAIN)
		require.LessOrEqual(t, n, 0)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		require.Equal(t, "read", op.Op)
		write(t, x, "1")
		ms := messages(1, 8)
		for _, flags := range []int{unix.MSG_PEEK, unix.MSG_DONTWAIT} {
			n, err = c.ReadBatch(ms, flags)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Equal(t, 1, ms[0].N)
		}
	}
	n, err := ours.ReadBatch(nil, 0)
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, ours.SetReadDeadline(time.Unix(1, 0)))
	n, err = ours.ReadBatch(messages(1, 8), 0)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Zero(t, n)
	require.NoError(t, ours.Close())
	n, err = ours.ReadBatch(messages(1, 8), 0)
	require.ErrorIs(t, err, net.ErrClosed)
	require.Zero(t, n)
	n, err = ours.WriteBatch([]ipv4.Message{message("1", nets.LocalAddr())}, 0)
	require.ErrorIs(t, err, net.ErrClosed)
	require.Zero(t, n)
}
