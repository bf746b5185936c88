package dsrudp

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestCheckMeetsClose: a guard that Close has taken away meanwhile knows nothing of
// a source, and that is not the source's fault. While other Conns share the guard it
// still answers.
func TestCheckMeetsClose(t *testing.T) {
	c := wildcard(t, "udp")
	other := wildcard(t, "udp")
	require.NoError(t, c.Close())
	check := func() error {
		s := source{addr: netip.MustParseAddr("2001:db8::77")}
		to := target{addr: netip.MustParseAddrPort("[::1]:9")}
		return c.check(c.newOp().(*op), &s, &to)
	}
	notLocal := func(err error) bool {
		var e *sourceError
		return errors.As(err, &e) && e.why == whyNotLocal
	}
	require.True(t, notLocal(check()))
	require.NoError(t, other.Close())
	err := check()
	for end := time.Now().Add(10 * time.Second); notLocal(err); err = check() {
		require.True(t, time.Now().Before(end), "a Conn that is neither closed nor collected holds the guard")
		runtime.GC()
	}
	require.Equal(t, net.ErrClosed, err)
}
