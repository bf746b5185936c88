//go:build !dsrudp_portable

package mmsg_test

import (
	"bytes"
	"net"
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// pktinfoRoom is for the control messages of a dual-stack socket that tell the
// destination.
const pktinfoRoom = 128

// dual returns a dual-stack socket that tells the destinations of datagrams, by
// one control message for IPv6 and two for IPv4.
func dual(t *testing.T) (*mmsg.Socket, *net.UDPConn) {
	t.Helper()
	s, c := socket(t, "udp", "[::]:0", true)
	option(t, c, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	option(t, c, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	return s, c
}

func option(t *testing.T, c *net.UDPConn, level, name, value int) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, name, value) }))
	require.NoError(t, err)
}

// inbound returns an InBatch that receives up to size bytes into each message, and
// its buffers.
func inbound(s *mmsg.Socket, n, size int) (*mmsg.InBatch, [][]byte) {
	b := s.NewInBatch(n, pktinfoRoom)
	buffers := make([][]byte, n)
	for i := range buffers {
		buffers[i] = make([]byte, size)
		b.SetBuffer(i, buffers[i])
	}
	return b, buffers
}

// received returns what message i brought.
func received(b *mmsg.InBatch, i int) (r mmsg.Received) {
	b.Received(i, &r)
	return r
}

// addrOf returns c's address as others send to it.
func addrOf(c *net.UDPConn, host string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(host), c.LocalAddr().(*net.UDPAddr).AddrPort().Port())
}

// sendAll sends payloads one by one from c.
func sendAll(t *testing.T, c *net.UDPConn, to netip.AddrPort, payloads ...string) {
	t.Helper()
	for _, p := range payloads {
		_, err := c.WriteToUDPAddrPort([]byte(p), to)
		require.NoError(t, err)
	}
}

// TestBatchRecv: a call takes what is there and fits, in order, and the rest is
// for the next.
func TestBatchRecv(t *testing.T) {
	s, c := socket(t, "udp4", "127.0.0.1:0", false)
	_, x := socket(t, "udp4", "127.0.0.1:0", false)
	in, buffers := inbound(s, 4, 8)
	require.Equal(t, 4, in.Cap())
	sendAll(t, x, addrOf(c, "127.0.0.1"), "0", "", "too long for it", "12345678", "4", "5")
	want := [][]string{{"0", "", "too long", "12345678"}, {"4"}, {"5"}}
	for i, limit := range []int{4, 1, 4} {
		n, err := in.Recv(limit, 0)
		require.NoError(t, err)
		require.Len(t, want[i], n)
		for j, payload := range want[i] {
			r := received(in, j)
			require.Equal(t, payload, string(buffers[j][:r.N]))
			require.Equal(t, payload == "too long", r.Flags&mmsg.FlagTrunc != 0)
			require.Equal(t, x.LocalAddr().(*net.UDPAddr).AddrPort(), r.From)
		}
	}
}

// TestBatchRearm (K7.2): the kernel puts lengths where it finds sizes. A longer
// control message after a shorter one, in the same place, still has room, the
// remote address is that of this datagram, and so are the flags.
func TestBatchRearm(t *testing.T) {
	s, c := dual(t)
	x4, x6 := dialed(t, addrOf(c, "127.0.0.1")), dialed(t, addrOf(c, "::1"))
	oob4, oob6 := unix.CmsgSpace(12)+unix.CmsgSpace(20), unix.CmsgSpace(20)
	in, buffers := inbound(s, 2, 8)
	for _, x := range []*net.UDPConn{x6, x4, x6, x4, x4} {
		payloads := []string{"longer than 8", "short"}
		if x == x6 {
			payloads = []string{"short", "longer than 8"}
		}
		for _, p := range payloads {
			_, err := x.Write([]byte(p))
			require.NoError(t, err)
		}
		n, err := in.Recv(2, 0)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		local := x.LocalAddr().(*net.UDPAddr).AddrPort()
		oob := oob4
		if x == x6 {
			oob = oob6
		}
		for i, p := range payloads {
			r := received(in, i)
			require.Equal(t, p[:min(len(p), 8)], string(buffers[i][:r.N]))
			require.Equal(t, netip.AddrPortFrom(netip.AddrFrom16(local.Addr().As16()), local.Port()), r.From)
			require.Equal(t, oob, r.OOBN)
			require.Len(t, in.OOB(i), oob)
			ms, err := unix.ParseSocketControlMessage(in.OOB(i))
			require.NoError(t, err)
			require.Equal(t, x == x4, len(ms) == 2)
			require.Equal(t, len(p) > 8, r.Flags&mmsg.FlagTrunc != 0)
			require.Zero(t, r.Flags&mmsg.FlagCtrunc)
		}
	}
}

func dialed(t *testing.T, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// TestBatchControlRoom: control messages that do not fit are cut and that is told,
// each time anew.
func TestBatchControlRoom(t *testing.T) {
	s, c := dual(t)
	in := s.NewInBatch(1, 44) // for the first of IPv4's two
	in.SetBuffer(0, make([]byte, 8))
	for _, host := range []string{"127.0.0.1", "::1", "127.0.0.1"} {
		_, err := dialed(t, addrOf(c, host)).Write([]byte("1"))
		require.NoError(t, err)
		n, err := in.Recv(1, 0)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, host == "127.0.0.1", received(in, 0).Flags&mmsg.FlagCtrunc != 0, host)
	}
}

// TestBatchScatter: a datagram fills the buffers of its message one after the
// other, and any message may have one, several or none the next time.
func TestBatchScatter(t *testing.T) {
	s, c := socket(t, "udp4", "127.0.0.1:0", false)
	self := addrOf(c, "127.0.0.1")
	in := s.NewInBatch(2, 0)
	many := make([][]byte, 200) // more than a message to send may have
	for i := range many {
		many[i] = make([]byte, 1+i%3)
	}
	payload := bytes.Repeat([]byte("0123456789"), 40) // 1+2+3 bytes and so on: 399
	for _, buffers := range [][][]byte{many, {make([]byte, 500)}, {make([]byte, 1), nil, make([]byte, 3), make([]byte, 500)}, nil, many} {
		in.SetBuffers(0, [][]byte{make([]byte, 3), make([]byte, 500)})
		in.SetBuffers(1, buffers)
		sendAll(t, c, self, "first", string(payload))
		n, err := in.Recv(2, 0)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		got := bytes.Join(buffers, nil)
		r := received(in, 1)
		require.Equal(t, min(len(got), len(payload)), r.N)
		require.Equal(t, payload[:r.N], got[:r.N])
		require.Equal(t, len(got) < len(payload), r.Flags&mmsg.FlagTrunc != 0)
		in.Release(2)
	}
}

// TestBatchRoundTrip: what an OutBatch sends an InBatch receives, from every kind of
// socket to every kind of address, a full batch and again.
func TestBatchRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		network, address string
		inet6            bool
		to, from         string
	}{
		{"udp4", "127.0.0.1:0", false, "127.0.0.1", "127.0.0.1"},
		{"udp4", "127.0.0.1:0", false, "::ffff:127.0.0.1", "127.0.0.1"},
		{"udp6", "[::1]:0", true, "::1", "::1"},
		{"udp", "[::]:0", true, "127.0.0.1", "::ffff:127.0.0.1"},
		{"udp", "[::]:0", true, "::1", "::1"},
	} {
		x, xc := socket(t, tc.network, tc.address, tc.inet6)
		y, yc := socket(t, tc.network, tc.address, tc.inet6)
		out := x.NewOutBatch(8, 0)
		in, buffers := inbound(y, 8, 16)
		for round := range 3 {
			for i := range 8 {
				out.Begin(new(addrOf(yc, tc.to)), 0, nil)
				require.True(t, out.Append([]byte(strconv.Itoa(100*round+i))))
			}
			require.Equal(t, 8, out.Len())
			n, err := out.Send(0, 0)
			require.NoError(t, err)
			require.Equal(t, 8, n)
			n, err = in.Recv(8, 0)
			require.NoError(t, err)
			require.Equal(t, 8, n)
			for i := range 8 {
				want := strconv.Itoa(100*round + i)
				require.Equal(t, want, string(buffers[i][:received(in, i).N]))
				require.Equal(t, len(want), out.Sent(i))
				require.Equal(t, addrOf(xc, tc.from), received(in, i).From)
			}
			out.Reset()
		}
	}
}
