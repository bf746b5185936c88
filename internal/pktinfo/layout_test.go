package pktinfo

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A system is one whose control messages are written down here by hand from
// its headers, to hold the layouts against.
type system struct {
	name   string
	layout layout

	header func(length, level, typ uint32) []byte // cmsghdr and the padding behind it
	tail4  []byte                                 // padding behind an IPv4 message
	tail6  []byte                                 // padding behind an IPv6 message

	type4, type6 uint32
	len4, len6   uint32 // cmsg_len
	// data of an IPv4 message for an interface, an address for the answer and
	// the header's destination; on send the latter is empty
	data4 func(ifindex uint32, local, dst netip.Addr) []byte
	// hasSpec: local4 is told on receive; hasIndex: so is the interface.
	hasSpec, hasIndex bool
	indexWins         bool
}

func systems() []system {
	long := func(length, level, typ uint32) []byte { return cat(uint64(length), level, typ) }
	short := func(length, level, typ uint32) []byte { return cat(length, level, typ) }
	padded := func(length, level, typ uint32) []byte { return cat(length, level, typ, zeros(4)) }

	three := func(ifindex uint32, local, dst netip.Addr) []byte { return cat(ifindex, local, dst) }
	two := func(ifindex uint32, local, dst netip.Addr) []byte { return cat(either(local, dst), ifindex) }
	one := func(_ uint32, local, dst netip.Addr) []byte { return cat(either(local, dst)) }
	apple := func(ifindex uint32, local, dst netip.Addr) []byte {
		if dst.IsValid() {
			return cat(ifindex, netip.IPv4Unspecified(), dst)
		}
		return cat(ifindex, local, zeros(4))
	}

	return []system{
		{
			name: "linux 64-bit", layout: linuxLayout(8), header: long, tail4: zeros(4), tail6: zeros(4),
			type4: 8, type6: 50, len4: 28, len6: 36, data4: three, hasSpec: true, hasIndex: true,
		},
		{
			name: "linux 32-bit", layout: linuxLayout(4), header: short,
			type4: 8, type6: 50, len4: 24, len6: 32, data4: three, hasSpec: true, hasIndex: true,
		},
		{
			name: "darwin", layout: darwinLayout(), header: short,
			type4: 26, type6: 46, len4: 24, len6: 32, data4: apple, hasIndex: true, indexWins: true,
		},
		{
			name: "freebsd, netbsd, openbsd 64-bit", layout: bsdLayout(bsdAlign("freebsd", "amd64", 8)),
			header: padded, tail4: zeros(4), tail6: zeros(4), type4: 7, type6: 46, len4: 20, len6: 36, data4: one,
		},
		{
			name: "freebsd, netbsd, openbsd 386, freebsd arm", layout: bsdLayout(bsdAlign("freebsd", "arm", 4)),
			header: short, type4: 7, type6: 46, len4: 16, len6: 32, data4: one,
		},
		{
			name: "netbsd, openbsd arm", layout: bsdLayout(bsdAlign("openbsd", "arm", 4)),
			header: padded, tail4: zeros(4), tail6: zeros(4), type4: 7, type6: 46, len4: 20, len6: 36, data4: one,
		},
		{
			name: "netbsd arm64", layout: bsdLayout(bsdAlign("netbsd", "arm64", 8)),
			header: padded, tail4: zeros(12), tail6: zeros(12), type4: 7, type6: 46, len4: 20, len6: 36, data4: one,
		},
		{
			name: "windows 64-bit", layout: windowsLayout(8), header: long, tail6: zeros(4),
			type4: 19, type6: 19, len4: 24, len6: 36, data4: two, hasIndex: true,
		},
		{
			name: "windows 386", layout: windowsLayout(4), header: short,
			type4: 19, type6: 19, len4: 20, len6: 32, data4: two, hasIndex: true,
		},
	}
}

// message4 is the system's IPv4 message; local and dst may be invalid.
func (s *system) message4(ifindex uint32, local, dst netip.Addr) []byte {
	return cat(s.header(s.len4, 0, s.type4), s.data4(ifindex, local, dst), s.tail4)
}

func (s *system) message6(ifindex uint32, addr netip.Addr) []byte {
	return cat(s.header(s.len6, 41, s.type6), addr.AsSlice(), ifindex, s.tail6)
}

// other is a message that says nothing about addresses: 8 bytes at the socket
// level.
func (s *system) other() []byte {
	l := &s.layout
	b := cat(s.header(uint32(l.data+8), 1, 99), "12345678")
	return append(b, zeros(roundUp(len(b), l.align)-len(b))...)
}

func (s *system) parse(oob []byte) (info Info) {
	s.layout.parse(&info, bytes.Clone(oob)) // no more capacity than length
	return info
}

var (
	vip4   = netip.MustParseAddr("192.0.2.1")
	host4  = netip.MustParseAddr("198.51.100.7")
	bcast4 = netip.MustParseAddr("198.51.100.255")
	group4 = netip.MustParseAddr("224.0.0.251")
	all4   = netip.MustParseAddr("255.255.255.255")
	vip6   = netip.MustParseAddr("2001:db8::1")
	group6 = netip.MustParseAddr("ff02::fb")
	any6   = netip.IPv6Unspecified()
	none   netip.Addr
)

func TestParseIPv4(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			index := uint32(0)
			if s.hasIndex {
				index = 7
			}
			require.Equal(t, Info{Local: vip4, Dst: vip4, IfIndex: index}, s.parse(s.message4(7, vip4, vip4)))

			broadcast := Info{Local: bcast4, Dst: bcast4, IfIndex: index}
			limited := Info{Dst: all4, IfIndex: index}
			group := Info{Dst: group4, IfIndex: index}
			if s.hasSpec {
				broadcast.Local, limited.Local, group.Local = host4, host4, host4
			}
			require.Equal(t, broadcast, s.parse(s.message4(7, host4, bcast4)))
			require.Equal(t, limited, s.parse(s.message4(7, host4, all4)))
			require.Equal(t, group, s.parse(s.message4(7, host4, group4)))

			if s.hasSpec {
				queued := s.message4(0, netip.IPv4Unspecified(), bcast4)
				require.Equal(t, Info{Dst: bcast4}, s.parse(queued), "queued before the option was set")
				require.Equal(t, Info{Dst: vip4}, s.parse(s.message4(0, group4, vip4)))
				require.Equal(t, Info{Dst: vip4}, s.parse(s.message4(0, all4, vip4)))
			}
		})
	}
}

func TestParseIPv6(t *testing.T) {
	mapped := func(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			require.Equal(t, Info{Local: vip6, Dst: vip6, IfIndex: 7}, s.parse(s.message6(7, vip6)))
			require.Equal(t, Info{Local: any6, Dst: group6, IfIndex: 7}, s.parse(s.message6(7, group6)))
			require.Equal(t, Info{Dst: group6}, s.parse(s.message6(0, group6)), ":: without an index is any address")
			require.Equal(t, Info{Dst: any6, IfIndex: 7}, s.parse(s.message6(7, any6)))

			require.Equal(t, Info{Local: vip4, Dst: vip4, IfIndex: 7}, s.parse(s.message6(7, mapped(vip4))))
			require.Equal(t, Info{Dst: group4, IfIndex: 7}, s.parse(s.message6(7, mapped(group4))))
			require.Equal(t, Info{Dst: all4, IfIndex: 7}, s.parse(s.message6(7, mapped(all4))))
			require.Equal(t, Info{Dst: netip.IPv4Unspecified()}, s.parse(s.message6(0, mapped(netip.IPv4Unspecified()))))
		})
	}
}

// A dual-stack socket gives two messages for an IPv4 datagram. The IPv6 one
// has another address and index here, to tell which was taken.
func TestParseTakesIPv4First(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			four := s.message4(7, vip4, vip4)
			six := s.message6(8, netip.AddrFrom16(bcast4.As16()))
			want := s.parse(four)
			require.Equal(t, vip4, want.Local)
			require.Equal(t, want, s.parse(cat(six, four)))
			require.Equal(t, want, s.parse(cat(four, six)))
			require.Equal(t, want, s.parse(cat(s.other(), six, s.other(), four, s.other())))
		})
	}
}

func TestParseIgnoresOthers(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			require.Zero(t, s.parse(nil))
			require.Zero(t, s.parse(s.other()))
			require.Zero(t, s.parse(cat(s.header(s.len4, 41, s.type4+1), s.data4(7, vip4, vip4), s.tail4)), "level")
			require.Zero(t, s.parse(cat(s.header(s.len4, 0, s.type4+1), s.data4(7, vip4, vip4), s.tail4)), "type")
			require.Zero(t, s.parse(cat(s.header(s.len6, 0, s.type4+1), vip6.AsSlice(), uint32(7), s.tail6)), "level")
		})
	}
}

// Every prefix, whether its last length was lowered or not, gives the whole
// truth or less.
func TestParsePrefix(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			whole := cat(s.other(), s.message6(7, netip.AddrFrom16(vip4.As16())), s.message4(7, vip4, vip4), s.other())
			for n := range whole {
				for _, b := range [][]byte{whole[:n], s.cut(t, whole, n)} {
					info := s.parse(b)
					require.Contains(t, []netip.Addr{none, vip4}, info.Local, "%d bytes", n)
					require.Equal(t, info.Local, info.Dst, "%d bytes", n)
				}
			}
			require.Equal(t, vip4, s.parse(whole).Local)
		})
	}
}

// cut returns what fits into n bytes, and checks that nothing was written
// behind that.
func (s *system) cut(t *testing.T, oob []byte, n int) []byte {
	b := bytes.Repeat([]byte{0xa5}, n+64)
	k, _, _ := s.layout.cut(b[:n:n], oob)
	require.LessOrEqual(t, k, n)
	for _, c := range b[k:] {
		require.Equal(t, byte(0xa5), c, "written behind the end of %d bytes in %d", k, n)
	}
	return b[:k]
}

func TestAbsurdLengths(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			l := &s.layout
			for _, length := range []uint64{
				0, 1, uint64(l.header) - 1, 65, math.MaxUint16, math.MaxInt32, math.MaxInt32 + 1,
				math.MaxUint32 - 7, math.MaxUint32, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64 - 7, math.MaxUint64,
			} {
				bad := cat(s.message4(7, vip4, vip4), zeros(64))[:64]
				if l.header == 16 {
					binary.NativeEndian.PutUint64(bad, length)
				} else {
					binary.NativeEndian.PutUint32(bad, uint32(length))
				}
				if l.length(bad) >= uint64(l.header) && l.length(bad) <= 64 {
					continue // a 32-bit length of another number
				}
				require.Zero(t, s.parse(bad), "length %d", length)

				good := s.message6(7, vip6)
				require.Equal(t, vip6, s.parse(cat(good, bad)).Local, "length %d", length)

				_, err := l.requests(cat(good, bad))
				require.ErrorIs(t, err, syscall.EINVAL, "length %d", length)
				require.ErrorContains(t, err, "control message at byte")

				require.Equal(t, s.other(), l.appendOthers(nil, cat(s.other(), good, bad)), "length %d", length)

				into := make([]byte, 256)
				n, truncated, others := l.cut(into, cat(good, bad))
				require.Equal(t, good, into[:n], "length %d", length)
				require.True(t, truncated && others, "length %d", length)
			}
		})
	}
}

func TestAppendSource(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			l := &s.layout
			require.Equal(t, s.message4(0, vip4, none), l.appendSource(nil, true, vip4, 0))
			require.Equal(t, s.message6(0, vip6), l.appendSource(nil, false, vip6, 0))
			require.Equal(t, s.message6(7, vip6), l.appendSource(nil, false, vip6, 7))
			require.Equal(t, s.message6(7, any6), l.appendSource(nil, false, any6, 7))
			require.Equal(t, s.message6(7, any6), l.appendSource(nil, false, none, 7))

			index := uint32(7)
			if s.indexWins {
				index = 0
			}
			require.Equal(t, s.message4(index, vip4, none), l.appendSource(nil, true, vip4, 7))
			for _, unspecified := range []netip.Addr{none, netip.IPv4Unspecified(), any6} {
				if s.hasIndex {
					require.Equal(t, s.message4(7, netip.IPv4Unspecified(), none), l.appendSource(nil, true, unspecified, 7))
				} else {
					require.Empty(t, l.appendSource(nil, true, unspecified, 7))
				}
				require.Empty(t, l.appendSource(nil, true, unspecified, 0))
				require.Empty(t, l.appendSource(nil, false, unspecified, 0))
			}
			require.Panics(t, func() { l.appendSource(nil, true, vip6, 0) })
		})
	}
}

// What is appended starts where a message may start, and lies in memory that
// had something else in it.
func TestAppendSourceBehindOthers(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			l := &s.layout
			for used := range 2*l.align + 1 {
				b := bytes.Repeat([]byte{0xa5}, 256)
				got := l.appendSource(b[:used], true, vip4, 0)
				want := cat(bytes.Repeat([]byte{0xa5}, used), zeros(roundUp(used, l.align)-used), s.message4(0, vip4, none))
				require.Equal(t, want, got)
				require.Same(t, &b[0], &got[0], "room was enough")
			}
		})
	}
}

func TestRequests(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			l := &s.layout
			index := uint32(0)
			if s.hasIndex {
				index = 7
			}

			rs, err := l.requests(s.message4(7, vip4, none))
			require.NoError(t, err)
			require.Equal(t, requests{v4: Request{Src: vip4, IfIndex: index, V4: true}, found4: true}, rs)

			rs, err = l.requests(s.message6(7, vip6))
			require.NoError(t, err)
			require.Equal(t, requests{v6: Request{Src: vip6, IfIndex: 7}, found6: true}, rs)

			rs, err = l.requests(s.message6(0, any6))
			require.NoError(t, err)
			require.Equal(t, requests{found6: true}, rs)

			rs, err = l.requests(s.message6(0, netip.AddrFrom16(vip4.As16())))
			require.NoError(t, err)
			require.Equal(t, requests{v6: Request{Src: vip4}, found6: true}, rs)

			// Both levels, and the last of each, but an index stays.
			rs, err = l.requests(cat(s.other(), s.message6(7, any6), s.message4(7, host4, none),
				s.message6(0, vip6), s.message4(0, vip4, none), zeros(l.header-1)))
			require.NoError(t, err)
			require.Equal(t, requests{
				v4: Request{Src: vip4, IfIndex: index, V4: true}, found4: true,
				v6: Request{Src: vip6, IfIndex: 7}, found6: true,
			}, rs)

			rs, err = l.requests(s.other())
			require.NoError(t, err)
			require.Zero(t, rs)
		})
	}
}

// An echoed message of Linux or macOS has the destination where no source is
// read from.
func TestRequestsHeaderDst(t *testing.T) {
	l := linuxLayout(8)
	rs, err := l.requests(cat(uint64(28), uint32(0), uint32(8), uint32(0), zeros(4), vip4, zeros(4)))
	require.NoError(t, err)
	require.Equal(t, Request{HeaderDst: vip4, V4: true}, rs.v4)
	require.True(t, rs.found4)
}

// Linux and macOS take the number of RFC 2292 for a source too.
func TestRequestsOldNumber(t *testing.T) {
	for _, s := range systems() {
		var old uint32
		switch s.type6 {
		case 50:
			old = 2
		case 46:
			old = 19
		}
		if old == 0 || s.layout.old6 == s.layout.kind6 {
			continue
		}
		b := cat(s.header(s.len6, 41, old), vip6.AsSlice(), uint32(0), s.tail6)
		rs, err := s.layout.requests(b)
		require.NoError(t, err)
		require.Equal(t, vip6, rs.v6.Src, s.name)
		require.Empty(t, s.layout.appendOthers(nil, b), s.name)
		_, _, others := s.layout.cut(nil, b)
		require.True(t, others, "%s: not a message that Enable asks for", s.name)
	}
}

func TestRequestsWrongSize(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			l := &s.layout
			for n := range 40 {
				four, _ := l.appendMessage(nil, l.kind4, n)
				_, err := l.requests(four)
				if n == l.size4 {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, syscall.EINVAL, "%d bytes", n)
				}

				six, _ := l.appendMessage(nil, l.kind6, n)
				_, err = l.requests(six)
				if n == 20 || n > 20 && l.long6 {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, syscall.EINVAL, "%d bytes", n)
				}
			}
		})
	}
}

func TestAppendOthers(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			l := &s.layout
			oob := cat(s.message6(7, vip6), s.other(), s.message4(7, vip4, vip4), s.other(), s.message6(7, vip6))
			before := bytes.Clone(oob)
			want := cat(s.other(), s.other())
			require.Equal(t, want, l.appendOthers(nil, oob))
			require.Equal(t, before, oob)

			// A last message without its padding gets it.
			odd := s.header(uint32(l.data+1), 1, 99)
			odd = append(odd, 'x')
			require.Equal(t, cat(odd, zeros(l.roundUp(len(odd))-len(odd))), l.appendOthers(nil, odd))

			// So does what is there already.
			require.Equal(t, cat("x", zeros(l.align-1), want), l.appendOthers([]byte("x"), oob))
		})
	}
}

func TestCut(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			l := &s.layout
			other, four := s.other(), s.message4(7, vip4, vip4)
			oob := cat(other, four)
			for n := range len(oob) + 16 {
				got := s.cut(t, oob, n)
				_, truncated, others := l.cut(make([]byte, n), oob)
				require.Equal(t, n < len(other)+int(s.len4), truncated, "%d bytes", n)
				require.Equal(t, n < l.data+8, others, "%d bytes", n)

				switch rest := n - len(other); {
				case n < l.header:
					require.Empty(t, got)
				case rest < 0:
					require.Len(t, got, n)
					require.Equal(t, uint64(min(n, l.data+8)), l.length(got))
				case rest < l.header:
					require.Len(t, got, len(other))
				default:
					require.Len(t, got, min(n, len(oob)))
					require.Equal(t, uint64(min(rest, int(s.len4))), l.length(got[len(other):]))
				}
			}
		})
	}
}

// cat concatenates, with numbers in the host's byte order.
func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case uint64:
			b = binary.NativeEndian.AppendUint64(b, p)
		case uint32:
			b = binary.NativeEndian.AppendUint32(b, p)
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case netip.Addr:
			if !p.IsValid() {
				p = netip.IPv4Unspecified()
			}
			b = append(b, p.AsSlice()...)
		}
	}
	return b
}

func zeros(n int) []byte { return make([]byte, n) }

// either is dst in what is received, which has one, else local.
func either(local, dst netip.Addr) netip.Addr {
	if dst.IsValid() {
		return dst
	}
	return local
}
