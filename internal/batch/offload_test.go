package batch

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

var x, y = netip.MustParseAddr("203.0.113.2"), netip.MustParseAddr("203.0.113.3")

// started is an Offload that is on.
func started() *Offload {
	o := new(Offload)
	o.Start()
	return o
}

// TestOffloadOff: one that was not started sends each datagram by itself, whatever fails.
func TestOffloadOff(t *testing.T) {
	o := new(Offload)
	require.LessOrEqual(t, o.Limit(x, 1), 1)
	o.Failed(x, 1, 128, mmsg.Invalid)
	require.LessOrEqual(t, o.Limit(x, 1), 1)
}

// TestOffloadFailed: what a failure says of segments of other sizes and to others, which is
// the less the more causes it has.
func TestOffloadFailed(t *testing.T) {
	for _, tc := range []struct {
		name               string
		why                mmsg.Kind
		size, count        int
		same, less, others int // the limits after it
	}{
		{"too long", mmsg.TooLong, 1400, 10, 1, 128, 128},
		{"denied", mmsg.Denied, 1400, 10, 1, 128, 128},
		{"invalid", mmsg.Invalid, 1400, 64, 1, 128, 128},
		{"invalid, of any size", mmsg.Invalid, anyPath, 64, 1, 1, 128},
		{"an older kernel", mmsg.Invalid, 1400, 65, 64, 64, 64},
		{"the device", mmsg.IO, 1400, 2, 1, 1, 128},
		{"no room", mmsg.NoBuffer, 1400, 2, 128, 128, 128},
		{"something else", mmsg.Other, 1400, 2, 128, 128, 128},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := started()
				o.Failed(x, tc.size, tc.count, tc.why)
				o.Failed(x, tc.size+50, tc.count, tc.why) // a longer one says nothing new
				require.Equal(t, tc.same, o.Limit(x, tc.size))
				require.Equal(t, tc.same, o.Limit(x, tc.size+1))
				require.Equal(t, tc.less, o.Limit(x, tc.size-1))
				require.Equal(t, tc.others, o.Limit(y, tc.size))
				require.EqualValues(t, 2, o.Fallbacks.Load())
				time.Sleep(offloadLifetime)
				require.Equal(t, tc.others, o.Limit(x, tc.size), "not for ever")
				o.Failed(x, tc.size+50, tc.count, tc.why)
				if tc.why == mmsg.TooLong {
					require.Equal(t, 128, o.Limit(x, tc.size), "the path has widened")
				}
			})
		})
	}
}

// TestOffloadHost: several destinations that can take no segments, however short, are taken
// for a fault of the host; one is one, however often. Longer ones may be the paths' fault.
func TestOffloadHost(t *testing.T) {
	for _, tc := range []struct {
		why   mmsg.Kind
		size  int
		limit int
	}{{mmsg.IO, 1400, 1}, {mmsg.Invalid, anyPath, 1}, {mmsg.Invalid, anyPath + 1, 128}, {mmsg.TooLong, 1, 128}} {
		synctest.Test(t, func(t *testing.T) {
			o := started()
			for range 2 * hostFault {
				o.Failed(x, tc.size, 8, tc.why)
			}
			a := y
			for range hostFault - 1 {
				a = a.Next()
				require.Equal(t, 128, o.Limit(y, 1400))
				o.Failed(a, tc.size, 8, tc.why)
				require.Equal(t, 1, o.Limit(a, tc.size))
			}
			require.Equal(t, tc.limit, o.Limit(y, 1400))
			time.Sleep(offloadLifetime)
			require.Equal(t, 128, o.Limit(x, 1400))
			require.Equal(t, 128, o.Limit(y, 1400))
		})
	}
}

// TestOffloadExpires: destinations that failed long ago do not count, and after a time without
// failures nothing is looked up any more.
func TestOffloadExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := started()
		a := x
		for range 3 * hostFault {
			o.Failed(a, 1400, 8, mmsg.IO)
			require.Equal(t, 128, o.Limit(a.Next(), 1400))
			require.True(t, o.failed.Load())
			time.Sleep(offloadLifetime/4 + time.Second)
			a = a.Next()
		}
		time.Sleep(offloadLifetime)
		require.Equal(t, 128, o.Limit(x, 1400))
		require.False(t, o.failed.Load())
	})
}

// TestPromise8_OffloadBound: forged path messages do not fill the memory.
func TestPromise8_OffloadBound(t *testing.T) {
	o := started()
	a := x
	for range 3 * maxPaths {
		o.Failed(a, 100, 2, mmsg.TooLong)
		require.Equal(t, 1, o.Limit(a, 100))
		a = a.Next()
	}
	require.LessOrEqual(t, len(o.paths), maxPaths)
}
