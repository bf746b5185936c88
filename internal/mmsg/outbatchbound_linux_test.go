//go:build !dsrudp_portable

package mmsg_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBatchBound: a call sends at most 128 KiB, as the collector waits for raw
// ones to end, and the calls after it the rest.
func TestBatchBound(t *testing.T) {
	for _, tc := range []struct {
		sizes, calls []int
	}{
		{[]int{60000, 60000, 60000, 60000, 60000}, []int{2, 2, 1}},
		{[]int{65507, 65507, 58}, []int{3}}, // 128 KiB
		{[]int{65507, 65507, 59}, []int{2, 1}},
		{[]int{1, 65507, 65507, 65507}, []int{3, 1}},
		{[]int{0, 1, 1000, 0}, []int{4}},
	} {
		for how := range 4 {
			plain, inTurn := how%2 == 1, how/2 == 1
			x, _ := socket(t, "udp4", "127.0.0.1:0", false)
			y, yc := socket(t, "udp4", "127.0.0.1:0", false)
			if plain {
				x.Plain()
			}
			out := x.NewOutBatch(2*len(tc.sizes), 0)
			for _, size := range tc.sizes {
				build(t, out, addrOf(yc, "127.0.0.1"), make([]byte, size/2))
				if !inTurn {
					require.True(t, out.Append(make([]byte, size-size/2)))
				}
			}
			if inTurn {
				for i, size := range tc.sizes {
					require.True(t, out.AppendTo(i, make([]byte, size-size/2)))
				}
			}
			in, _ := inbound(y, len(tc.sizes), 1<<16)
			from := 0
			for _, want := range tc.calls {
				n, err := out.Send(from, 0)
				require.NoError(t, err)
				require.Equal(t, want, n, "%v from %d", tc.sizes, from)
				k, err := in.Poll(len(tc.sizes))
				require.NoError(t, err)
				require.Equal(t, n, k)
				for i := range n {
					require.Equal(t, tc.sizes[from+i], received(in, i).N)
					require.Equal(t, tc.sizes[from+i], out.Sent(from+i))
				}
				from += n
			}
			require.Len(t, tc.sizes, from)
		}
	}
}
