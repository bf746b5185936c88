package pktinfo_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// header is a struct cmsghdr.
func header(length, level, typ int) []byte {
	var b []byte
	if unix.SizeofPtr == 8 {
		b = binary.NativeEndian.AppendUint64(b, uint64(length))
	} else {
		b = binary.NativeEndian.AppendUint32(b, uint32(length))
	}
	return append(b, ints(level, typ)...)
}

// ints are C ints.
func ints(n ...int) (b []byte) {
	for _, n := range n {
		b = binary.NativeEndian.AppendUint32(b, uint32(n))
	}
	return b
}

// refused compares Requested to what the kernel makes of the same bytes.
func refused(t *testing.T, s socket, oob []byte, to netip.AddrPort, what string) bool {
	t.Helper()
	kernel := s.trySend([]byte("x"), oob, to)
	_, _, err := pktinfo.Requested(oob)
	if kernel == nil {
		require.NoError(t, err, what)
		return false
	}
	require.ErrorIs(t, kernel, unix.EINVAL, what)
	require.ErrorIs(t, err, unix.EINVAL, what)
	return true
}

var targets = []struct {
	name string
	f    pktinfo.Family
	to   string
}{
	{"IPv4", pktinfo.IPv4, "127.0.0.1"},
	{"IPv6", pktinfo.IPv6, "::1"},
	{"dual-stack to IPv4", pktinfo.Dual, "::ffff:127.0.0.1"},
	{"dual-stack to IPv6", pktinfo.Dual, "::1"},
}

// K5.4: the kernel refuses a PKTINFO of another size, and Requested the same.
func TestRequestedSize(t *testing.T) {
	for _, tt := range targets {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, tt.f)
			s.bind(wildcard(tt.f))
			to := netip.AddrPortFrom(addr(tt.to), 9)
			v4 := addr(tt.to).Unmap().Is4()
			good := 0
			for n := range 41 {
				oob := make([]byte, unix.CmsgSpace(n))
				src := addr(tt.to).Unmap().AsSlice()
				if v4 {
					copy(oob, header(unix.CmsgLen(n), unix.IPPROTO_IP, unix.IP_PKTINFO))
					if n >= 8 {
						copy(oob[unix.CmsgLen(4):], src)
					}
				} else {
					copy(oob, header(unix.CmsgLen(n), unix.IPPROTO_IPV6, unix.IPV6_PKTINFO))
					if n >= 16 {
						copy(oob[unix.CmsgLen(0):], src)
					}
				}
				if !refused(t, s, oob, to, fmt.Sprintf("%d bytes", n)) {
					good++
				}
			}
			if v4 {
				require.Equal(t, 1, good)
			} else {
				require.Equal(t, 21, good, "the kernel takes longer ones")
			}
		})
	}
}

// The kernel and Requested find the same lengths impossible.
func TestRequestedLength(t *testing.T) {
	for _, tt := range targets {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, tt.f)
			s.bind(wildcard(tt.f))
			dst := addr(tt.to)
			to := netip.AddrPortFrom(dst, 9)
			good := pktinfo.AppendSource(nil, dst.Unmap().Is4(), dst.Unmap(), 0)
			require.False(t, refused(t, s, good, to, "good"))

			// Less than a header behind it is no message; a header of
			// zeros is one. (A 64-bit kernel takes a single byte for one
			// if the program is a 32-bit one, and refuses it.)
			wrong := 0
			for n := range 41 {
				if n < unix.SizeofCmsghdr && unix.SizeofPtr == 4 {
					continue
				}
				if refused(t, s, append(good[:len(good):len(good)], make([]byte, n)...), to, fmt.Sprintf("%d zeros", n)) {
					wrong++
				}
				if n > 0 {
					refused(t, s, make([]byte, n), to, fmt.Sprintf("%d zeros alone", n))
				}
			}
			require.Equal(t, 41-unix.SizeofCmsghdr, wrong)

			for _, length := range []int{0, 1, 11, 12, 15, 16, 17, 40, 41, 48, math.MaxInt32 - 16, math.MaxInt32, -1, -8, math.MinInt32} {
				other := append(header(length, 1<<20, 0), make([]byte, 32)...)[:40]
				refused(t, s, append(good[:len(good):len(good)], other...), to, fmt.Sprintf("length %d", length))
			}

			// Without the padding at the end.
			size := unix.SizeofInet6Pktinfo
			if dst.Unmap().Is4() {
				size = unix.SizeofInet4Pktinfo
			}
			require.False(t, refused(t, s, good[:unix.CmsgLen(size)], to, "no padding"))
		})
	}
}

func TestRequested(t *testing.T) {
	lo := loopback()
	four := pktinfo.AppendSource(nil, true, addr("127.0.0.2"), lo)
	six := pktinfo.AppendSource(nil, false, addr("::1"), 0)
	r4 := pktinfo.Request{Src: addr("127.0.0.2"), IfIndex: lo, V4: true}
	r6 := pktinfo.Request{Src: addr("::1")}

	for _, tt := range []struct {
		name            string
		oob             []byte
		any, v4, v6     pktinfo.Request
		has, has4, has6 bool
	}{
		{name: "nothing"},
		{name: "IPv4", oob: four, any: r4, has: true, v4: r4, has4: true},
		{name: "IPv6", oob: six, any: r6, has: true, v4: r6, has4: true, v6: r6, has6: true},
		{name: "both", oob: append(four[:len(four):len(four)], six...), any: r4, has: true, v4: r4, has4: true, v6: r6, has6: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, found, err := pktinfo.Requested(tt.oob)
			require.NoError(t, err)
			require.Equal(t, tt.has, found)
			require.Equal(t, tt.any, r)

			r, found, err = pktinfo.RequestedFor(tt.oob, true)
			require.NoError(t, err)
			require.Equal(t, tt.has4, found)
			require.Equal(t, tt.v4, r)

			r, found, err = pktinfo.RequestedFor(tt.oob, false)
			require.NoError(t, err)
			require.Equal(t, tt.has6, found)
			require.Equal(t, tt.v6, r)
		})
	}
}

// What is received and echoed asks for the right source, with the arrival
// interface beside it.
func TestRequestedEcho(t *testing.T) {
	for _, f := range []pktinfo.Family{pktinfo.IPv4, pktinfo.Dual} {
		server, port := listen(t, f)
		_, info, _ := ask(t, server, netip.AddrPortFrom(addr("127.0.0.2"), port))
		deliver(t, []byte("x"), netip.AddrPortFrom(addr("127.0.0.2"), port))
		_, r := server.recvInfo()
		req, found, err := pktinfo.Requested(r.oob)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, pktinfo.Request{Src: info.Local, HeaderDst: info.Dst, IfIndex: loopback(), V4: true}, req)
		require.Empty(t, pktinfo.AppendOthers(nil, r.oob))
	}
}

// K1.3: the kernel takes no source from ipi_addr, and chooses one itself.
func TestRequestedHeaderDstAlone(t *testing.T) {
	server, port := listen(t, pktinfo.IPv4)
	oob := unix.PktInfo4(&unix.Inet4Pktinfo{Addr: [4]byte{127, 0, 0, 2}})
	r, found, err := pktinfo.Requested(oob)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, pktinfo.Request{HeaderDst: addr("127.0.0.2"), V4: true}, r)

	peer := open(t, pktinfo.IPv4)
	server.send([]byte("x"), oob, netip.AddrPortFrom(addr("127.0.0.1"), peer.bind(addr("127.0.0.1"))))
	require.Equal(t, netip.AddrPortFrom(addr("127.0.0.1"), port), peer.recv(0, 0).from)
}
