package pktinfo

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAppendSource(t *testing.T) {
	eachSystem(t, func(t *testing.T, s *system, l *layout) {
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
		for _, unspecified := range []netip.Addr{none, any4, any6} {
			if s.hasIndex {
				require.Equal(t, s.message4(7, any4, none), l.appendSource(nil, true, unspecified, 7))
			} else {
				require.Empty(t, l.appendSource(nil, true, unspecified, 7))
			}
			require.Empty(t, l.appendSource(nil, true, unspecified, 0))
			require.Empty(t, l.appendSource(nil, false, unspecified, 0))
		}
		require.Panics(t, func() { l.appendSource(nil, true, vip6, 0) })
	})
}

// What is appended starts where a message may start, in memory that had something else
// in it, or in new memory.
func TestAppendBehindOthers(t *testing.T) {
	eachSystem(t, func(t *testing.T, s *system, l *layout) {
		for used := range 2*l.align + 1 {
			for room := 0; room < 96; room += 5 {
				b := bytes.Repeat([]byte{0xa5}, 256)
				got := l.appendSource(b[:used:used+room], true, vip4, 0)
				want := cat(bytes.Repeat([]byte{0xa5}, used), blank(roundUp(used, l.align)-used), s.message4(0, vip4, none))
				require.Equal(t, want, got)
				require.Equal(t, len(want) <= used+room && len(want) > 0, &b[:1][0] == &got[0], "room was enough")
			}
		}
	})
}

func TestSendSize(t *testing.T) {
	eachSystem(t, func(t *testing.T, s *system, l *layout) {
		size := max(len(l.appendSource(nil, true, vip4, 7)), len(l.appendSource(nil, false, vip6, 7)))
		if l.segment != noKind {
			size += 2 * l.space(4)
		}
		require.LessOrEqual(t, size, SendSize)
	})
}

func TestAppendOthers(t *testing.T) {
	eachSystem(t, func(t *testing.T, s *system, l *layout) {
		oob := cat(s.message6(7, vip6), s.other(), s.message4(7, vip4, vip4), s.other(), s.message6(7, vip6))
		before := bytes.Clone(oob)
		want := cat(s.other(), s.other())
		require.Equal(t, want, l.appendOthers(nil, oob))
		require.Equal(t, before, oob)

		// A last message without its padding gets it.
		odd := append(s.header(uint32(l.data+1), 1, 99), 'x')
		require.Equal(t, cat(odd, blank(l.roundUp(len(odd))-len(odd))), l.appendOthers(nil, odd))

		// So does what is there already.
		require.Equal(t, cat("x", blank(l.align-1), want), l.appendOthers([]byte("x"), oob))
	})
}

// cut returns what fits into n bytes, and checks that nothing was written
// behind that.
func (s *system) cut(t *testing.T, oob []byte, own Messages, n int) []byte {
	b := bytes.Repeat([]byte{0xa5}, n+64)
	k, _ := s.layout.cut(b[:n:n], oob, own)
	require.LessOrEqual(t, k, n)
	for _, c := range b[k:] {
		require.Equal(t, byte(0xa5), c, "written behind the end of %d bytes in %d", k, n)
	}
	return b[:k]
}

// TestCut: a buffer of any length gets the user's own messages first, the last cut where it
// does not fit, and then the library's, each whole or not at all.
func TestCut(t *testing.T) {
	eachSystem(t, func(t *testing.T, s *system, l *layout) {
		other, six, four := s.other(), s.message6(7, vip6), s.message4(7, vip4, vip4)
		oob := cat(six, four, other)
		for own, order := range map[Messages][][]byte{
			{}:                       {other, six, four},
			{IPv4: true}:             {four, other, six},
			{IPv6: true}:             {six, other, four},
			{IPv4: true, IPv6: true}: {six, four, other},
		} {
			users := 1
			for _, on := range []bool{own.IPv4, own.IPv6} {
				if on {
					users++
				}
			}
			for n := range len(oob) + 16 {
				got, ok := split(l, s.cut(t, oob, own, n))
				require.True(t, ok)
				room, wantTruncated := n, false
				for i, m := range order {
					length := int(l.length(m))
					kept := min(room, length)
					if i < users {
						wantTruncated = wantTruncated || kept < length
					} else if kept < length {
						continue
					}
					if kept < l.header {
						continue
					}
					require.NotEmpty(t, got, "%d bytes", n)
					require.Len(t, got[0], kept, "%d bytes", n)
					require.Equal(t, m[l.header-8:kept], got[0][l.header-8:], "%d bytes", n)
					got, room = got[1:], room-min(room, len(m))
				}
				require.Empty(t, got, "%d bytes", n)
				_, truncated := l.cut(make([]byte, n), oob, own)
				require.Equal(t, wantTruncated, truncated, "%d bytes", n)
			}
		}
	})
}
