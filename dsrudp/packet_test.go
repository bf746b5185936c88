package dsrudp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestSegments: the datagrams of a train, without room for an append to write to
// the next one.
func TestSegments(t *testing.T) {
	for _, tc := range []struct {
		payload string
		size    int
		want    []string
	}{
		{"", 0, []string{""}},
		{"", 3, []string{""}},
		{"abcdef", 0, []string{"abcdef"}},
		{"abcdef", 6, []string{"abcdef"}},
		{"abcdef", 9, []string{"abcdef"}},
		{"abcdef", 3, []string{"abc", "def"}},
		{"abcdefg", 3, []string{"abc", "def", "g"}},
		{"abc", 1, []string{"a", "b", "c"}},
	} {
		p := dsrudp.Packet{Buf: []byte(tc.payload + "behind"), N: len(tc.payload), SegmentSize: tc.size}
		var got []string
		for s := range p.Segments() {
			got = append(got, string(s))
			_ = append(s, 'X')
		}
		require.Equal(t, tc.want, got)
		require.Equal(t, tc.payload+"behind", string(p.Buf))
		for s := range p.Segments() {
			require.Equal(t, tc.want[0], string(s))
			break
		}
		q := p.Clone()
		require.Len(t, q.Buf, p.N)
		if p.N > 0 {
			q.Buf[0] = 'X'
			require.Equal(t, tc.payload, string(p.Payload()))
		}
		q.Buf = p.Buf
		require.Equal(t, &p, q)
	}
}
