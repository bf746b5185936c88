package pktinfo

import (
	"encoding/binary"
	"math"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAbsurdLengths(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			l := &s.layout
			for _, length := range []uint64{
				0, 1, uint64(l.header) - 1, 65, math.MaxUint16, math.MaxInt32, math.MaxInt32 + 1,
				math.MaxUint32 - 7, math.MaxUint32, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64 - 7, math.MaxUint64,
			} {
				bad := cat(s.message4(7, vip4, vip4), zeros(64))[:64]
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

				_, err := l.requests(cat(good, bad))
				require.ErrorIs(t, err, syscall.EINVAL, "length %d", length)
				require.ErrorContains(t, err, "control message at byte")

				require.Equal(t, s.other(), l.appendOthers(nil, cat(s.other(), good, bad)), "length %d", length)

				into := make([]byte, 256)
				n, truncated, others := l.cut(into, cat(good, bad))
				require.Equal(t, good, into[:n], "length %d", length)
				require.True(t, truncated && others, "length %d", length)
			}
		})
	}
}
