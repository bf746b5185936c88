package pktinfo

import (
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

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
