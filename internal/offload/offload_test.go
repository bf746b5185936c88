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
	p.Invalid(128)
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
		time.Sleep(pathLifetime)
		require.Equal(t, 128, p.Limit(x, 1400))
		p.TooLong(x, 1450)
		require.Equal(t, 128, p.Limit(x, 1400), "the path has widened")
	})
}

// TestInvalid: an older kernel's limit is found, and a device that takes no
// segments at all.
func TestInvalid(t *testing.T) {
	p := started()
	p.Invalid(65)
	require.Equal(t, 64, p.Limit(x, 1))
	p.Invalid(128) // sent before that was known
	require.Equal(t, 64, p.Limit(x, 1))
	p.Invalid(64)
	require.LessOrEqual(t, p.Limit(x, 1), 1)
	p.Invalid(128)
	require.LessOrEqual(t, p.Limit(x, 1), 1)
}

func TestUnable(t *testing.T) {
	p := started()
	p.Unable()
	require.LessOrEqual(t, p.Limit(y, 1), 1)
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
