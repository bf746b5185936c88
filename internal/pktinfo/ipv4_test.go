//go:build linux || darwin || freebsd || netbsd || openbsd || windows

package pktinfo

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// received4 is an IPv4 message as the kernel writes it.
func (l *layout) received4(ifindex uint32, local, dst netip.Addr) []byte {
	b := bytes.Clone(l.empty4)
	copy(b[l.data+l.local4:], local.AsSlice())
	copy(b[l.data+l.dst4:], dst.AsSlice())
	if l.index4 >= 0 {
		copy(b[l.data+l.index4:], cat(ifindex))
	}
	return b
}

// TestUnicast4: what is short for one message with one address is what parse would
// say, and nothing is said of others.
func TestUnicast4(t *testing.T) {
	t.Run("this system", func(t *testing.T) { testUnicast4(t, &native, Unicast4) })
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) { testUnicast4(t, &s.layout, s.layout.unicast4) })
	}
}

func testUnicast4(t *testing.T, l *layout, unicast4 func([]byte) (uint32, int, bool)) {
	knows := func(oob []byte) bool { return requireUnicast4(t, l.parse, unicast4, bytes.Clone(oob)) }
	var trains [][]byte // what may be before the message
	if l.gro != noKind {
		for _, size := range []uint32{0, 1, 1200, 1 << 31} {
			b := l.emptyGRO()
			copy(b[l.data:], cat(size))
			trains = append(trains, b)
		}
	}
	any4 := netip.IPv4Unspecified()
	for _, local := range []netip.Addr{vip4, host4, bcast4, group4, all4, any4} {
		for _, dst := range []netip.Addr{vip4, host4, bcast4, group4, all4, any4} {
			oob := l.received4(7, local, dst)
			var info Info
			l.parse(&info, oob)
			want := info.Local.IsValid() && info.Local == info.Dst
			require.Equal(t, want, knows(oob), "%v, %v", local, dst)
			for _, train := range trains {
				require.Equal(t, want, knows(cat(train, oob)), "%v, %v", local, dst)
				require.False(t, knows(cat(oob, train)), "which the kernel does not write")
			}
		}
	}
	require.False(t, knows(nil))
	oob := l.received4(7, vip4, vip4)
	for name, more := range map[string][]byte{
		"twice":       cat(oob, oob),
		"behind IPv6": cat(l.empty6, oob),
		"before IPv6": cat(oob, l.empty6),
	} {
		require.False(t, knows(more), name)
	}
	headers := func(oob []byte, at ...int) {
		require.True(t, knows(oob))
		for n := range oob {
			require.False(t, knows(oob[:n]), "%d bytes", n)
		}
		for _, at := range at {
			for i := range l.header {
				for bit := range 8 {
					b := bytes.Clone(oob)
					b[at+i] ^= 1 << bit
					require.False(t, knows(b), "bit %d of byte %d", bit, at+i)
				}
			}
		}
	}
	headers(oob, 0)
	for _, train := range trains {
		headers(cat(train, oob), 0, len(train))
	}
}

// TestAppendSourceNative: what is short for one address alone is what the layout
// says, wherever it begins and whatever was there; so is what is for a segment size.
func TestAppendSourceNative(t *testing.T) {
	for _, a := range []netip.Addr{vip4, all4, netip.IPv4Unspecified(), none} {
		for used := range 2*native.align + 1 {
			b := bytes.Repeat([]byte{0xa5}, 256)
			want := native.appendSource(bytes.Clone(b[:used]), true, a, 0)
			got := AppendSource(b[:used], true, a, 0)
			require.Equal(t, want, got)
			require.True(t, len(got) == 0 || &b[0] == &got[0], "room was enough")
			segment := native.appendSegmentSize(bytes.Clone(b[:used]), 1200)
			for room := range 2 * len(native.empty4) { // the slice may end anywhere
				oob := func() []byte { return bytes.Clone(b)[: used : used+room] }
				require.Equal(t, want, AppendSource(oob(), true, a, 0))
				require.Equal(t, segment, AppendSegmentSize(oob(), 1200))
				if a.IsValid() && !a.IsUnspecified() {
					require.Equal(t, want, AppendSource4(oob(), a.As4()))
				}
			}
		}
	}
}
