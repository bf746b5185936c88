package pktinfo

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

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
