package pktinfo

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

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
