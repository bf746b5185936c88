package offload

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var x, y = netip.MustParseAddr("203.0.113.2"), netip.MustParseAddr("203.0.113.3")

func started() *Policy {
	p := new(Policy)
	p.Start()
	return p
}

// TestOff: a Policy that was not started sends plainly, whatever it is told.
func TestOff(t *testing.T) {
	p := new(Policy)
	require.LessOrEqual(t, p.Limit(x, 1), 1)
	p.Invalid(x, 1, 128)
	require.LessOrEqual(t, p.Limit(x, 1), 1)
}

// TestTooLong: only that path, from that size on, and not for ever.
func TestTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := started()
		p.TooLong(x, 1400)
		p.TooLong(x, 1450) // a longer one tells nothing new
		require.Equal(t, 1, p.Limit(x, 1400))
		require.Equal(t, 1, p.Limit(x, 1401))
		require.Equal(t, 128, p.Limit(x, 1399))
		require.Equal(t, 128, p.Limit(y, 1400))
		time.Sleep(lifetime)
		require.Equal(t, 128, p.Limit(x, 1400))
		p.TooLong(x, 1450)
		require.Equal(t, 128, p.Limit(x, 1400), "the path has widened")
	})
}

// TestInvalid: an older kernel's limit is found. With fewer segments it is that
// path's fault, as older kernels call too long ones invalid.
func TestInvalid(t *testing.T) {
	p := started()
	p.Invalid(x, 100, 65)
	require.Equal(t, 64, p.Limit(x, 100))
	p.Invalid(x, 100, 128) // sent before that was known
	require.Equal(t, 64, p.Limit(x, 100))
	p.Invalid(x, 1400, 64)
	require.Equal(t, 1, p.Limit(x, 1400))
	require.Equal(t, 64, p.Limit(x, 1399))
	require.Equal(t, 64, p.Limit(y, 1400))
}

// TestInvalidForAll: segments that fit any path, and are invalid to several
// destinations, are so to all. Longer ones may be the paths' fault.
func TestInvalidForAll(t *testing.T) {
	for size, limit := range map[int]int{anyPath: 1, anyPath + 1: 128} {
		p := started()
		for a, n := y, 0; n < hostFault; n++ {
			a = a.Next()
			p.Invalid(a, size, 8)
			require.Equal(t, 1, p.Limit(a, size))
		}
		require.Equal(t, limit, p.Limit(x, size), "%d bytes", size)
	}
}

// TestUnable: one destination behind a device that cannot is sent to plainly,
// and several are taken for a fault of the host; neither for ever.
func TestUnable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := started()
		for range 2 * hostFault {
			p.Unable(x) // one is one, however often
		}
		require.Equal(t, 1, p.Limit(x, 1))
		require.Equal(t, 128, p.Limit(y, 1))
		a := y
		for range hostFault - 1 {
			a = a.Next()
			require.Equal(t, 128, p.Limit(y, 1))
			p.Unable(a)
		}
		require.Equal(t, 1, p.Limit(y, 1))
		time.Sleep(lifetime)
		require.Equal(t, 128, p.Limit(x, 1))
		require.Equal(t, 128, p.Limit(y, 1))
	})
}

// TestBound: forged path messages do not fill the memory.
func TestBound(t *testing.T) {
	p := started()
	a := x
	for range 3 * maxPaths {
		p.TooLong(a, 100)
		require.Equal(t, 1, p.Limit(a, 100))
		a = a.Next()
	}
	require.LessOrEqual(t, len(p.paths), maxPaths)
}
