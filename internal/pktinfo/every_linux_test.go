package pktinfo_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// listenEverything opens a socket with every option on that brings a control
// message, has it drop datagrams, so that the count of them comes too, and
// sends it one train of three datagrams, which is left to be received.
func listenEverything(t testing.TB, f pktinfo.Family, dst netip.Addr) socket {
	t.Helper()
	server, port := listen(t, f)
	for _, o := range []struct {
		level, opt int
		rights     bool // needs some, or a newer kernel
	}{
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, false},
		{unix.SOL_SOCKET, unix.SO_RXQ_OVFL, false},
		{unix.SOL_SOCKET, unix.SO_RCVMARK, true},
		{unix.SOL_SOCKET, unix.SO_RCVPRIORITY, true},
		{unix.IPPROTO_UDP, unix.UDP_GRO, false},
		{unix.IPPROTO_IP, unix.IP_RECVTTL, false},
		{unix.IPPROTO_IP, unix.IP_RECVTOS, false},
		{unix.IPPROTO_IP, unix.IP_RECVORIGDSTADDR, false},
		{unix.IPPROTO_IP, unix.IP_RECVOPTS, false},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, false},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, false},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVORIGDSTADDR, false},
	} {
		if o.level == unix.IPPROTO_IPV6 && f == pktinfo.IPv4 {
			continue
		}
		err := unix.SetsockoptInt(server.fd, o.level, o.opt, 1)
		if o.rights && (err == unix.EPERM || err == unix.ENOPROTOOPT) {
			t.Logf("option %d of level %d: %v", o.opt, o.level, err)
			continue
		}
		require.NoError(t, err, "option %d of level %d", o.opt, o.level)
	}

	server.set(unix.SOL_SOCKET, unix.SO_RCVBUF, 1) // the least there is
	peer := client(t, netip.AddrPortFrom(dst, port))
	dropped := false
	for try := 0; try < 100 && !dropped; try++ {
		for range 50 {
			_, err := unix.Write(peer.fd, make([]byte, 1400))
			require.NoError(t, err)
		}
		var err error
		for err == nil {
			_, _, _, _, err = unix.Recvmsg(server.fd, make([]byte, 2048), nil, unix.MSG_DONTWAIT)
		}
		require.ErrorIs(t, err, unix.EAGAIN)
		_, err = unix.Write(peer.fd, []byte("probe"))
		require.NoError(t, err)
		dropped = has(t, server.recv(pktinfo.Size, 0).oob, unix.SOL_SOCKET, unix.SO_RXQ_OVFL)
	}
	require.True(t, dropped, "the receive buffer never overflowed")

	require.NoError(t, unix.SetsockoptInt(peer.fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 100))
	if dst.Is4() {
		require.NoError(t, unix.SetsockoptInt(peer.fd, unix.IPPROTO_IP, unix.IP_TOS, 2))
	} else {
		require.NoError(t, unix.SetsockoptInt(peer.fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 2))
	}
	for {
		_, err := unix.Write(peer.fd, make([]byte, 300))
		require.NoError(t, err)
		if len(server.recv(0, unix.MSG_PEEK).payload) == 300 {
			return server
		}
		server.recv(0, 0) // a late one of before
	}
}

// has reports whether oob has a message.
func has(t testing.TB, oob []byte, level, typ int32) bool {
	t.Helper()
	ms, err := unix.ParseSocketControlMessage(oob)
	require.NoError(t, err)
	for _, m := range ms {
		if m.Header.Level == level && m.Header.Type == typ {
			return true
		}
	}
	return false
}

var everything = []struct {
	name string
	f    pktinfo.Family
	dst  string
}{
	{"IPv4", pktinfo.IPv4, "127.0.0.5"},
	{"IPv6", pktinfo.IPv6, "::1"},
	{"dual-stack, IPv4 peer", pktinfo.Dual, "127.0.0.5"},
	{"dual-stack, IPv6 peer", pktinfo.Dual, "::1"},
}

// K5.1: all messages at once fit, and are parsed.
func TestReceiveEverything(t *testing.T) {
	for _, tt := range everything {
		t.Run(tt.name, func(t *testing.T) {
			dst := addr(tt.dst)
			server := listenEverything(t, tt.f, dst)
			info, r := server.recvInfo()
			t.Logf("%d bytes", len(r.oob))
			require.Equal(t, pktinfo.Info{Local: dst, Dst: dst, IfIndex: loopback(), SegmentSize: 100, ECN: 2}, info)
			require.True(t, has(t, r.oob, unix.SOL_SOCKET, unix.SO_RXQ_OVFL))
			require.True(t, has(t, r.oob, unix.IPPROTO_UDP, unix.UDP_GRO))
			require.True(t, has(t, r.oob, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS))
			if dst.Is4() {
				require.True(t, has(t, r.oob, unix.IPPROTO_IP, unix.IP_ORIGDSTADDR))
			} else {
				require.True(t, has(t, r.oob, unix.IPPROTO_IPV6, unix.IPV6_ORIGDSTADDR))
			}
		})
	}
}

// K5.2: whatever the length of the buffer, Cut gives what the kernel gives.
func TestCutLikeKernel(t *testing.T) {
	for _, tt := range everything {
		t.Run(tt.name, func(t *testing.T) {
			server := listenEverything(t, tt.f, addr(tt.dst))
			whole := server.recv(pktinfo.Size, unix.MSG_PEEK).oob
			for size := range pktinfo.Size + 1 {
				kernel := server.recv(size, unix.MSG_PEEK)
				buf := make([]byte, size)
				for i := range buf {
					buf[i] = 0xa5 // as recv does: padding is not written
				}
				n, truncated, others := pktinfo.Cut(buf, whole)
				require.Equal(t, kernel.oob, buf[:n], "buffer of %d bytes", size)
				require.Equal(t, kernel.ctrunc, truncated, "buffer of %d bytes", size)
				require.Equal(t, lostOthers(t, whole, kernel.oob), others, "buffer of %d bytes", size)
			}
		})
	}
}

// lostOthers compares the messages in cut, by their place, to those in whole.
func lostOthers(t testing.TB, whole, cut []byte) bool {
	t.Helper()
	ms, err := unix.ParseSocketControlMessage(whole)
	require.NoError(t, err)
	at := 0
	for _, m := range ms {
		pktinfo4 := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO
		pktinfo6 := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO
		if at+unix.CmsgLen(len(m.Data)) > len(cut) && !pktinfo4 && !pktinfo6 {
			return true
		}
		at += unix.CmsgSpace(len(m.Data))
	}
	return false
}

// What the kernel cut, and every prefix of what it delivered, gives the right
// addresses or none.
func TestParseCutByKernel(t *testing.T) {
	for _, tt := range everything {
		t.Run(tt.name, func(t *testing.T) {
			dst := addr(tt.dst)
			server := listenEverything(t, tt.f, dst)
			whole := server.recv(pktinfo.Size, unix.MSG_PEEK).oob
			known := 0
			for size := range pktinfo.Size + 1 {
				cut := server.recv(size, unix.MSG_PEEK).oob
				for _, oob := range [][]byte{cut, whole[:min(size, len(whole))]} {
					info := pktinfo.Parse(append([]byte(nil), oob...))
					require.Contains(t, []int{0, 100}, info.SegmentSize)
					require.Contains(t, []uint8{0, 2}, info.ECN)
					info.SegmentSize, info.ECN = 0, 0
					if info.Dst.IsValid() {
						require.Equal(t, pktinfo.Info{Local: dst, Dst: dst, IfIndex: loopback()}, info)
						known++
					} else {
						require.Zero(t, info)
					}
				}
			}
			require.NotZero(t, known)
		})
	}
}

// K5.5: numbers are in the host's order.
func TestHostByteOrder(t *testing.T) {
	server, port := listen(t, pktinfo.IPv4)
	deliver(t, []byte("x"), netip.AddrPortFrom(addr("127.0.0.1"), port))
	_, r := server.recvInfo()
	ms, err := unix.ParseSocketControlMessage(r.oob)
	require.NoError(t, err)
	require.Len(t, ms, 1)
	require.Equal(t, loopback(), binary.NativeEndian.Uint32(ms[0].Data))
}
