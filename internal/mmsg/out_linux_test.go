//go:build !dsrudp_portable

package mmsg_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestPromise11_Bound: a call sends at most 128 KiB, as the collector waits for raw ones
// to end, and the calls after it the rest.
func TestPromise11_Bound(t *testing.T) {
	y, to := local(t)
	for _, tc := range []struct {
		sizes, calls []int
	}{
		{[]int{60000, 60000, 60000, 60000, 60000}, []int{2, 2, 1}},
		{[]int{65507, 65507, 58}, []int{3}}, // 128 KiB
		{[]int{65507, 65507, 59}, []int{2, 1}},
		{[]int{1, 65507, 65507, 65507}, []int{3, 1}},
		{[]int{0, 1, 1000, 0}, []int{4}},
	} {
		x, _ := local(t)
		out := x.NewOut(len(tc.sizes), 0)
		for range 2 { // the second time after Reset
			var want []string
			for i, size := range tc.sizes {
				want = append(want, strings.Repeat("x", size))
				out.Begin(to, nil)
				require.True(t, out.Append(i, make([]byte, 0)))
				require.True(t, out.Append(i, []byte(want[i][:size/2])))
			}
			for i, p := range want {
				require.True(t, out.Append(i, []byte(p[len(p)/2:])))
			}
			from := 0
			for _, calls := range tc.calls {
				n, err := out.TrySend(from, len(tc.sizes), 0)
				require.NoError(t, err)
				require.Equal(t, calls, n, "%v from %d", tc.sizes, from)
				requireQueued(t, y, want[from:from+n]...)
				from += n
			}
			out.Reset()
		}
	}
}

// TestVectors: a message has as many pieces as the kernel takes, and after Reset no
// payload is kept alive.
func TestVectors(t *testing.T) {
	s, self := local(t)
	out := s.NewOut(2, 0)
	piece := []byte("x")
	out.Begin(self, nil)
	n := 0
	for out.Append(0, piece) {
		n++
	}
	require.True(t, out.Keeps())
	sendOut(t, out, 0, 1)
	require.False(t, out.Keeps())
	requireQueued(t, s, strings.Repeat("x", n))
	require.Equal(t, 1024, n)
	_, err := out.TrySend(0, 1, unix.MSG_OOB)
	require.ErrorIs(t, err, unix.EOPNOTSUPP, "flags")
}
