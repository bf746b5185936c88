package dsrudp_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// dialTrains dials a VIP with a socket that shows what left as one message:
// over loopback it arrives as one (UDP_GRO).
func dialTrains(t *testing.T, c net.PacketConn, vip netip.Addr) *net.UDPConn {
	t.Helper()
	x := dialVIP(t, c, vip)
	setsockopts(t, x, [2]int{unix.IPPROTO_UDP, unix.UDP_GRO})
	require.NoError(t, x.SetReadBuffer(1<<20))
	return x
}

// A train is a payload and the length of its segments, 0 for a single datagram.
type train struct {
	payload string
	size    int
}

func (tr train) String() string { return fmt.Sprintf("%d bytes by %d", len(tr.payload), tr.size) }

// readTrain receives what dialTrains's socket has next.
func readTrain(t *testing.T, x *net.UDPConn) train {
	t.Helper()
	b, oob := make([]byte, 1<<16), make([]byte, 64)
	n, oobn, flags, _, err := x.ReadMsgUDPAddrPort(b, oob)
	require.NoError(t, err, "the client drops what comes from another address than it wrote to")
	require.Zero(t, flags)
	tr := train{payload: string(b[:n])}
	ms, err := unix.ParseSocketControlMessage(oob[:oobn])
	require.NoError(t, err)
	for _, m := range ms {
		if m.Header.Level == unix.IPPROTO_UDP && m.Header.Type == unix.UDP_GRO {
			tr.size = int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	if tr.size >= n {
		tr.size = 0
	}
	return tr
}

// requireTrains requires that just these come.
func requireTrains(t *testing.T, x *net.UDPConn, want ...train) {
	t.Helper()
	var got []train
	for range want {
		got = append(got, readTrain(t, x))
	}
	require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
	require.True(t, len(want) == 0 || want[len(want)-1] == got[len(got)-1])
	require.Equal(t, fmt.Sprintf("%x", want), fmt.Sprintf("%x", got))
	requireNothing(t, x)
}

// pathTo returns the path from a VIP to a client.
func pathFrom(c net.PacketConn, vip netip.Addr, x net.PacketConn) dsrudp.Path {
	return dsrudp.Path{Local: netip.AddrPortFrom(vip, portOf(c)), Remote: addrPortOf(x.LocalAddr())}
}

// bytesOf returns n bytes unlike those of another kind.
func bytesOf(kind, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(kind + i + i>>8)
	}
	return string(b)
}

// packetsOf returns a Packet for each size, one behind the other in memory or not.
func packetsOf(p dsrudp.Path, adjacent bool, sizes ...int) (ps []dsrudp.Packet, all string) {
	var memory bytes.Buffer
	for i, n := range sizes {
		memory.WriteString(bytesOf(i, n))
	}
	all = memory.String()
	at := 0
	for _, n := range sizes {
		b := []byte(all[at:])
		if adjacent {
			b = memory.Bytes()[at:]
		}
		ps = append(ps, dsrudp.Packet{Buf: b, N: n, Path: p})
		at += n
	}
	return ps, all
}

// writeAll sends Packets, all of which must be good.
func writeAll(t *testing.T, c *dsrudp.Conn, ps []dsrudp.Packet) {
	t.Helper()
	n, err := c.WritePackets(ps)
	require.NoError(t, err)
	require.Equal(t, len(ps), n)
}

func times(n, size int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

// writeTrain sends a train from a client.
func writeTrain(t *testing.T, x *net.UDPConn, payload string, size int) {
	t.Helper()
	oob := make([]byte, unix.CmsgSpace(2))
	binary.NativeEndian.PutUint16(cmsghdr(oob, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2), uint16(size))
	_, _, err := x.WriteMsgUDP([]byte(payload), oob, nil)
	require.NoError(t, err)
}

// readTrains receives n Packets into buffers that hold trains.
func readTrains(t *testing.T, c *dsrudp.Conn, n int) (all []dsrudp.Packet) {
	t.Helper()
	for len(all) < n {
		ps := packets(n-len(all), 1<<16)
		k, err := c.ReadPackets(ps)
		require.NoError(t, err)
		all = append(all, ps[:k]...)
	}
	return all
}
