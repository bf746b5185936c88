package pktinfo

import (
	"bytes"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParse parses with the layouts of all systems, and holds the one of this
// system against a second opinion where there is one.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)[:len(b):len(b)]
		for _, s := range systems() {
			info := s.parse(b)
			require.False(t, info.Dst.Is4In6() || info.Local.Is4In6(), "mapped: %+v", info)
			if local := info.Local; local.IsValid() {
				require.True(t, info.Dst.IsValid())
				require.Equal(t, info.Dst.Is4(), local.Is4())
				require.False(t, local.IsMulticast(), "%v", local)
				require.NotEqual(t, all4, local)
				if local.IsUnspecified() {
					require.Equal(t, any6, local)
					require.True(t, info.Dst.IsMulticast() && info.Ifindex != 0)
				}
			}
			for _, a := range []netip.Addr{info.Local, info.Dst} {
				require.True(t, !a.IsValid() || a == any6 || bytes.Contains(b, a.AsSlice()), "%v is not in the data", a)
			}
		}
		if secondOpinion != nil {
			var info Info
			Parse(b, &info)
			require.Equal(t, secondOpinion(b), info)
		}
	})
}

// secondOpinion is Parse by way of golang.org/x/sys, nil where that does not know the
// messages.
var secondOpinion func(oob []byte) Info

// FuzzParseRequest takes control data apart and puts it together again as a caller's is
// for sending.
func FuzzParseRequest(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		for _, s := range systems() {
			l := &s.layout
			others := l.appendOthers(nil, b)
			require.Zero(t, len(others)%l.align)
			require.Equal(t, others, l.appendOthers(nil, others))
			for _, v4 := range []bool{true, false} {
				left, err := l.parseRequest(others, v4)
				require.NoError(t, err)
				require.Zero(t, left)
				r, err := l.parseRequest(b, v4)
				if err != nil {
					require.ErrorIs(t, err, syscall.EINVAL)
					require.Zero(t, r)
					continue
				}
				if v4 && r.Src.Is6() {
					continue // for which AppendSource panics
				}
				again, err := l.parseRequest(l.appendSource(others, v4, r.Src, r.Ifindex), v4)
				require.NoError(t, err)
				want := Request{Src: r.Src, Ifindex: r.Ifindex}
				if v4 && (l.index4 < 0 || r.Src.IsValid() && l.indexWins) {
					want.Ifindex = 0
				}
				require.Equal(t, want, again)
			}
		}
		require.Equal(t, before, b)
	})
}

// FuzzCut holds what was cut against the messages it was cut from: first the user's own,
// cut, and then others, whole. Where all are the user's own it cuts once to a short length
// and once over a longer one: the kernel's way of cutting does not see the difference.
func FuzzCut(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte, long, short uint16) {
		if long > 1024 || short > long {
			return
		}
		all := Messages{true, true}
		for _, s := range systems() {
			l := &s.layout
			messages, intact := split(l, b)
			for _, own := range []Messages{{}, {IPv4: true}, {IPv6: true}, all} {
				first := make([]byte, long)
				n, truncated := l.cut(first, b, own)
				first = first[:n]

				var users, ours [][]byte
				for _, m := range messages {
					if k := l.kind(m); k == l.kind4 && !own.IPv4 || k == l.kind6 && !own.IPv6 {
						ours = append(ours, m)
					} else {
						users = append(users, m)
					}
				}
				cut, ok := split(l, first)
				require.True(t, ok, "what was cut cannot be parsed")
				wantTruncated := !intact
				for i, m := range users {
					if i < len(cut) {
						require.Equal(t, m[l.header-8:len(cut[i])], cut[i][l.header-8:], "message %d", i)
					}
					if i >= len(cut) || len(cut[i]) < len(m) {
						wantTruncated = true
						require.LessOrEqual(t, len(cut), i+1, "a message behind one that was cut")
					}
				}
				require.Equal(t, wantTruncated, truncated)
				for _, m := range cut[min(len(cut), len(users)):] {
					for len(ours) > 0 && !bytes.Equal(ours[0], m) {
						ours = ours[1:]
					}
					require.NotEmpty(t, ours, "behind the user's own, none of the others")
					ours = ours[1:]
				}

				if own == all {
					once, twice := make([]byte, short), make([]byte, short)
					n1, truncated1 := l.cut(once, b, own)
					n2, truncated2 := l.cut(twice, first, own)
					require.Equal(t, once[:n1], twice[:n2])
					require.Equal(t, truncated1, truncated || truncated2)
				}
			}
		}
	})
}

// split takes messages apart without padding, and reports whether all of them
// have possible lengths.
func split(l *layout, b []byte) (ms [][]byte, ok bool) {
	for len(b) >= l.header {
		n := l.length(b)
		if n < uint64(l.header) || n > uint64(len(b)) {
			return ms, false
		}
		ms = append(ms, b[:n])
		b = b[min(len(b), roundUp(int(n), l.align)):]
	}
	return ms, true
}
