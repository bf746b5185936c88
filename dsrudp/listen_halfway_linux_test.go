//go:build linux && (amd64 || arm64)

package dsrudp_test

import (
	"net/netip"
	"runtime"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestHalfway: listening may fail at any point, and gives back the guard, which
// all Conns of a namespace share, exactly once. Once too often, and it would be
// taken away from a Conn that is in use.
func TestHalfway(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	c := listen(t, "udp", ":0")
	held := netlinkSockets(t)
	requireKept := func() {
		t.Helper()
		// What was left to the garbage collector to give back, it gives back.
		collect(t)
		require.Equal(t, held, netlinkSockets(t))
	}

	// The second of a group is bound before net binds it, which is EINVAL.
	calls := 0
	second := &dsrudp.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) (err error) {
		if calls++; calls < 2 {
			return nil
		}
		e := rc.Control(func(fd uintptr) { err = unix.Bind(int(fd), &unix.SockaddrInet6{}) })
		require.NoError(t, e)
		return err
	}}
	_, err := second.ListenN(t.Context(), "udp", ":0", 3)
	require.ErrorIs(t, err, unix.EINVAL)
	require.Equal(t, 2, calls)
	requireKept()

	// The first is complete but for the option that lets others join it.
	forbid(t, unix.EPERM, unix.SYS_SETSOCKOPT, map[int]uint32{1: unix.SOL_SOCKET, 2: unix.SO_REUSEPORT})
	_, err = new(dsrudp.ListenConfig).ListenN(t.Context(), "udp", ":0", 2)
	require.ErrorIs(t, err, unix.EPERM)
	requireKept()

	// And one that was closed in good order leaves nothing to be given back.
	d, err := dsrudp.ListenPacket("udp", ":0")
	require.NoError(t, err)
	require.NoError(t, d.Close())
	requireKept()

	// The guard is at work.
	x := dialVIP(t, c, netip.IPv6Loopback())
	remote := addrPortOf(x.LocalAddr())
	_, err = c.WriteToPath([]byte("bad"), dsrudp.Path{Local: netip.MustParseAddrPort("[2001:db8::77]:0"), Remote: remote})
	require.ErrorIs(t, err, dsrudp.ErrNotLocal)
	require.NotErrorIs(t, err, unix.EBADF)
	_, err = c.WriteToPath([]byte("1"), dsrudp.Path{Local: netip.MustParseAddrPort("[::1]:0"), Remote: remote})
	require.NoError(t, err)
	require.Equal(t, "1", read(t, x))
	require.NoError(t, c.Close())
	require.Empty(t, netlinkSockets(t))
}

// collect has the garbage collector find all that nobody refers to, and waits
// until the cleanups of that have run.
func collect(t *testing.T) {
	t.Helper()
	runtime.GC() // queues them before it returns
	left := []metrics.Sample{{Name: "/gc/cleanups/queued:cleanups"}, {Name: "/gc/cleanups/executed:cleanups"}}
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		if metrics.Read(left); left[0].Value.Uint64() == left[1].Value.Uint64() {
			return
		}
		require.True(t, time.Now().Before(end), "cleanups do not run")
	}
}
