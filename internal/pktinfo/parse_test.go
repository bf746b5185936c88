package pktinfo

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	eachSystem(t, func(t *testing.T, s *system, l *layout) {
		four := s.message4(7, vip4, vip4)
		want4 := Info{Local: vip4, Dst: vip4, Ifindex: s.index(7)}
		// Another address and index, to see which of a dual-stack socket's two
		// messages was taken.
		six := s.message6(8, mapped(bcast4))
		type test struct {
			oob  []byte
			want Info
		}
		tests := map[string]test{
			"nothing":     {nil, Info{}},
			"others":      {s.other(), Info{}},
			"IPv4":        {four, want4},
			"IPv6, IPv4":  {cat(six, four), want4},
			"IPv4, IPv6":  {cat(four, six), want4},
			"with others": {cat(s.other(), six, s.other(), four, s.other()), want4},

			"IPv6":                       {s.message6(7, vip6), Info{Local: vip6, Dst: vip6, Ifindex: 7}},
			"multicast":                  {s.message6(7, group6), Info{Local: any6, Dst: group6, Ifindex: 7}},
			"multicast without index":    {s.message6(0, group6), Info{Dst: group6}}, // :: alone is any address
			"unspecified":                {s.message6(7, any6), Info{Dst: any6, Ifindex: 7}},
			"mapped":                     {s.message6(7, mapped(vip4)), Info{Local: vip4, Dst: vip4, Ifindex: 7}},
			"mapped multicast":           {s.message6(7, mapped(group4)), Info{Dst: group4, Ifindex: 7}},
			"mapped 255.255.255.255":     {s.message6(7, mapped(all4)), Info{Dst: all4, Ifindex: 7}},
			"mapped unspecified":         {s.message6(0, mapped(any4)), Info{Dst: any4}},
			"IPv4 type at level of IPv6": {cat(s.header(s.len4, 41, s.type4+1), s.data4(7, vip4, vip4), s.tail4), Info{}},
			"another type for IPv4":      {cat(s.header(s.len4, 0, s.type4+2), s.data4(7, vip4, vip4), s.tail4), Info{}},
			"IPv6 type at level of IPv4": {cat(s.header(s.len6, 0, s.type4+1), vip6, uint32(7), s.tail6), Info{}},
		}
		broadcast := map[netip.Addr]netip.Addr{bcast4: bcast4, all4: none, group4: none}
		for dst, local := range broadcast {
			if s.hasSpec {
				local = host4
			}
			tests["to "+dst.String()] = test{s.message4(7, host4, dst), Info{Local: local, Dst: dst, Ifindex: s.index(7)}}
		}
		if s.hasSpec {
			tests["queued before the option was set"] = test{s.message4(0, any4, bcast4), Info{Dst: bcast4}}
			tests["spec_dst multicast"] = test{s.message4(0, group4, vip4), Info{Dst: vip4}}
			tests["spec_dst 255.255.255.255"] = test{s.message4(0, all4, vip4), Info{Dst: vip4}}
		}
		for name, tt := range tests {
			require.Equal(t, tt.want, s.parse(tt.oob), name)
		}
	})
}

// Every prefix, whether its last length was lowered or not, gives the whole truth or
// less.
func TestParsePrefix(t *testing.T) {
	eachSystem(t, func(t *testing.T, s *system, l *layout) {
		whole := cat(s.other(), s.message6(7, mapped(vip4)), s.message4(7, vip4, vip4), s.other())
		for n := range whole {
			for _, b := range [][]byte{whole[:n], s.cut(t, whole, Messages{true, true}, n)} {
				info := s.parse(b)
				require.Contains(t, []netip.Addr{none, vip4}, info.Local, "%d bytes", n)
				require.Equal(t, info.Local, info.Dst, "%d bytes", n)
			}
		}
		require.Equal(t, vip4, s.parse(whole).Local)
	})
}

// TestSegmentSize: the last whole message holds, as in the kernel.
func TestSegmentSize(t *testing.T) {
	eachSystem(t, func(t *testing.T, s *system, l *layout) {
		require.Zero(t, l.segmentSize(s.other()))
		if l.segment == noKind {
			return
		}
		oob := s.message4(7, vip4, vip4)
		for _, m := range []struct {
			kind    kind
			n, size int
		}{{l.segment, 2, 1}, {l.segment, 2, 1200}, {l.gro, 2, 9}, {l.segment, 4, 7}} {
			var d []byte
			oob, d = l.appendMessage(oob, m.kind, m.n)
			binary.NativeEndian.PutUint16(d, uint16(m.size))
		}
		require.Equal(t, 1200, l.segmentSize(append(oob, 0xff)))
	})
}

func TestAbsurdLengths(t *testing.T) {
	eachSystem(t, func(t *testing.T, s *system, l *layout) {
		for _, length := range []uint64{
			0, 1, uint64(l.header) - 1, 65, math.MaxUint16, math.MaxInt32, math.MaxInt32 + 1,
			math.MaxUint32 - 7, math.MaxUint32, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64 - 7, math.MaxUint64,
		} {
			bad := cat(s.message4(7, vip4, vip4), blank(64))[:64]
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

			_, err := l.parseRequest(cat(good, bad), false)
			require.ErrorIs(t, err, syscall.EINVAL, "length %d", length)
			require.ErrorContains(t, err, "control message at byte")

			require.Equal(t, s.other(), l.appendOthers(nil, cat(s.other(), good, bad)), "length %d", length)

			into := make([]byte, 256)
			n, truncated := l.cut(into, cat(good, bad), Messages{})
			require.Equal(t, good, into[:n], "length %d", length)
			require.True(t, truncated, "length %d", length)
		}
	})
}

func TestParseRequest(t *testing.T) {
	eachSystem(t, func(t *testing.T, s *system, l *layout) {
		four, six := s.message4(7, vip4, none), s.message6(8, vip6)
		want4 := Request{Src: vip4, Ifindex: s.index(7)}
		want6 := Request{Src: vip6, Ifindex: 8}
		for name, tt := range map[string]struct {
			oob    []byte
			v4, v6 Request // what holds towards such a peer
		}{
			"nothing":        {nil, Request{}, Request{}},
			"others":         {s.other(), Request{}, Request{}},
			"IPv4":           {four, want4, want4},
			"IPv6":           {six, want6, want6},
			"both":           {cat(six, four), want4, want6},
			"mapped":         {s.message6(0, mapped(vip4)), Request{Src: vip4}, Request{Src: vip4}},
			"empty IPv6":     {s.message6(0, any6), Request{}, Request{}},
			"empty IPv4":     {s.message4(0, any4, none), Request{}, Request{}},
			"interface only": {s.message6(8, any6), Request{Ifindex: 8}, Request{Ifindex: 8}},
			// The last of each level holds, but an index stays.
			"several": {
				cat(s.other(), s.message6(8, any6), s.message4(7, host4, none), s.message6(0, vip6), s.message4(0, vip4, none), blank(l.header-1)),
				want4, want6,
			},
		} {
			for v4, want := range map[bool]Request{true: tt.v4, false: tt.v6} {
				r, err := l.parseRequest(tt.oob, v4)
				require.NoError(t, err, "%s, %v", name, v4)
				require.Equal(t, want, r, "%s, %v", name, v4)
			}
		}
		// Linux and macOS take the number of RFC 2292 for a source too, but it is
		// no message that Enable asks for.
		old, ok := map[uint32]uint32{50: 2, 46: 19}[s.type6]
		if ok && l.old6 != l.kind6 {
			b := cat(s.header(s.len6, 41, old), vip6, uint32(8), s.tail6)
			r, err := l.parseRequest(b, false)
			require.NoError(t, err)
			require.Equal(t, want6, r)
			require.Empty(t, l.appendOthers(nil, b))
			_, truncated := l.cut(nil, b, Messages{})
			require.True(t, truncated)
		}
		for n := range 40 {
			b, _ := l.appendMessage(nil, l.kind4, n)
			_, err := l.parseRequest(b, true)
			require.Equal(t, n != l.size4, err != nil, "IPv4, %d bytes", n)
			require.True(t, err == nil || errors.Is(err, syscall.EINVAL))

			b, _ = l.appendMessage(nil, l.kind6, n)
			_, err = l.parseRequest(b, false)
			require.Equal(t, n < 20 || n > 20 && !l.long6, err != nil, "IPv6, %d bytes", n)
			require.True(t, err == nil || errors.Is(err, syscall.EINVAL))
		}
	})
	// What is handed back as Linux delivered it before IP_PKTINFO was set has an
	// address only where no source is read from.
	l := linuxLayout(8)
	r, err := l.parseRequest(cat(uint64(28), uint32(0), uint32(8), uint32(0), blank(4), vip4, blank(4)), true)
	require.NoError(t, err)
	require.Equal(t, Request{HeaderDst: vip4}, r)
}

func TestAllocs(t *testing.T) {
	eachSystem(t, func(t *testing.T, s *system, l *layout) {
		oob := cat(s.other(), s.message6(7, vip6), s.message4(7, vip4, vip4), s.other())
		room, into := make([]byte, 0, Size), make([]byte, Size)
		var info Info
		for name, f := range map[string]func(){
			"parse":        func() { l.parse(oob, &info) },
			"parseRequest": func() { _, _ = l.parseRequest(oob, true) },
			"append4":      func() { l.appendSource(room, true, vip4, 0) },
			"append6":      func() { l.appendSource(room, false, vip6, 7) },
			"appendOthers": func() { l.appendOthers(room, oob) },
			"cut":          func() { l.cut(into[:60], oob, Messages{}) },
			"segment":      func() { AppendSegmentSize(room, 1200) },
			"class":        func() { AppendClass(room, true, 1) },
		} {
			require.Zero(t, testing.AllocsPerRun(100, f), name)
		}
	})
}
