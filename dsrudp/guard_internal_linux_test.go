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

// TestVet: a source without a zone leaves with that of the remote address, where it
// means nothing without one.
func TestVet(t *testing.T) {
	c := wildcard(t, "udp6")
	to := target{addr: netip.MustParseAddrPort("[fe80::1]:9"), scope: 1}
	for _, tc := range []struct{ given, want source }{
		{source{addr: netip.IPv6Unspecified()}, source{addr: netip.IPv6Unspecified(), ifindex: 1}},
		{source{addr: netip.IPv6Unspecified(), ifindex: 2}, source{addr: netip.IPv6Unspecified(), ifindex: 2}},
	} {
		s, err := c.vet(c.newOp().(*op), &tc.given, &to)
		require.NoError(t, err)
		require.Equal(t, tc.want, *s)
	}
	s := source{addr: netip.MustParseAddr("fe80::77")}
	_, err := c.vet(c.newOp().(*op), &s, &to)
	var e *sourceError
	require.ErrorAs(t, err, &e)
	require.Equal(t, whyNotLocal, e.why, "not for want of a zone")
}
