package pktinfo

import (
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// ask has a fresh client, connected to dst, send to server, and returns the client, what
// server parsed, and the datagram.
func ask(t testing.TB, server socket, dst netip.AddrPort) (socket, Info, received) {
	t.Helper()
	c := connect(t, dst)
	_, err := unix.Write(c.fd, []byte("question"))
	require.NoError(t, err)
	info, r := server.recvInfo()
	return c, info, r
}

// The answer reaches a client that accepts it from one address alone. The caller's other
// messages go beside the source and stay in force; what was received asks for the right
// source when it is handed back, with the arrival interface beside it.
func TestK1_1_K1_2_K3_3_AppendSource(t *testing.T) {
	for _, f := range []Family{IPv4, Dual} {
		server, port := listen(t, f)
		c, info, r := ask(t, server, netip.AddrPortFrom(addr("127.0.0.2"), port))
		require.Equal(t, f == Dual, r.from.Addr().Is4In6())
		req, err := ParseRequest(r.oob, true)
		require.NoError(t, err)
		require.Equal(t, Request{Src: info.Local, HeaderDst: info.Dst, Ifindex: loopback}, req)
		require.Empty(t, AppendOthers(nil, r.oob))

		c.set(unix.IPPROTO_IP, unix.IP_RECVTTL, 1)
		ttl := message(unix.CmsgLen(4), unix.IPPROTO_IP, unix.IP_TTL, uint32(77))
		callers := cat(unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte{127, 0, 0, 3}}), ttl)
		server.send([]byte("wrong"), nil, r.from)
		server.send([]byte("wrong"), callers, r.from)
		server.send([]byte("right"), AppendSource(AppendOthers(nil, callers), true, info.Local, 0), r.from)
		got := c.recv(64, 0)
		require.Equal(t, "right", string(got.payload), "those from other addresses are lost")
		require.Equal(t, ttl, got.oob[:len(ttl)])
	}
}

// refused compares ParseRequest to what the kernel makes of the same bytes.
func refused(t *testing.T, s socket, oob []byte, to netip.AddrPort, what string) bool {
	t.Helper()
	kernel := s.trySend([]byte("x"), oob, to)
	_, err := ParseRequest(oob, to.Addr().Unmap().Is4())
	if kernel == nil {
		require.NoError(t, err, what)
		return false
	}
	require.ErrorIs(t, kernel, unix.EINVAL, what)
	require.ErrorIs(t, err, unix.EINVAL, what)
	return true
}

// The kernel refuses packet information of another size and messages of impossible
// lengths, and ParseRequest the same.
func TestK5_4_RefusedAsByKernel(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    Family
		to   string
	}{
		{"IPv4", IPv4, "127.0.0.1"},
		{"IPv6", IPv6, "::1"},
		{"dual-stack to IPv4", Dual, "::ffff:127.0.0.1"},
		{"dual-stack to IPv6", Dual, "::1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, tt.f)
			s.bind(wildcard(tt.f))
			to := netip.AddrPortFrom(addr(tt.to), 9)
			src := to.Addr().Unmap()
			level, typ, at, size, want := unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, 0, unix.SizeofInet6Pktinfo, 21 // the kernel takes longer ones
			if src.Is4() {
				level, typ, at, size, want = unix.IPPROTO_IP, unix.IP_PKTINFO, 4, unix.SizeofInet4Pktinfo, 1
			}
			taken := 0
			for n := range 41 {
				data := cat(blank(at), src, blank(40))[:unix.CmsgSpace(n)-unix.CmsgLen(0)]
				if !refused(t, s, message(unix.CmsgLen(n), level, typ, data), to, fmt.Sprintf("%d bytes", n)) {
					taken++
				}
			}
			require.Equal(t, want, taken)

			good := AppendSource(nil, src.Is4(), src, 0)
			require.False(t, refused(t, s, good, to, "good"))
			require.False(t, refused(t, s, good[:unix.CmsgLen(size)], to, "no padding"))

			// Less than a header behind it is no message; a header of zeros is one.
			// (A 64-bit kernel takes a single byte for one if the program is a 32-bit
			// one, and refuses it.)
			wrong := 0
			for n := range 41 {
				if n < unix.SizeofCmsghdr && bits.UintSize == 32 {
					continue
				}
				if refused(t, s, cat(good, blank(n)), to, fmt.Sprintf("%d zeros", n)) {
					wrong++
				}
				if n > 0 {
					refused(t, s, blank(n), to, fmt.Sprintf("%d zeros alone", n))
				}
			}
			require.Equal(t, 41-unix.SizeofCmsghdr, wrong)

			for _, length := range []int{0, 1, 11, 12, 15, 16, 17, 40, 41, 48, math.MaxInt32 - 16, math.MaxInt32, -1, -8, math.MinInt32} {
				other := cat(message(length, 1<<20, 0), blank(32))[:40]
				refused(t, s, cat(good, other), to, fmt.Sprintf("length %d", length))
			}
		})
	}
}
