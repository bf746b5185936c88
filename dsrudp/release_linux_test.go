package dsrudp_test

import (
	"net"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// netlinkSockets returns the process's netlink sockets: the guard's.
func netlinkSockets(t *testing.T) (fds []int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range all {
		fd, err := strconv.Atoi(e.Name())
		require.NoError(t, err)
		if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil && domain == unix.AF_NETLINK {
			fds = append(fds, fd)
		}
	}
	return fds
}

// TestCloseReleases: Conns share one guard, and the last to be closed ends it;
// what fails on the way to a Conn leaves none.
func TestCloseReleases(t *testing.T) {
	if !apart(t, "a Conn that nobody has is not let go of") {
		return
	}
	a, b := listen(t, "udp", ":0"), listen(t, "udp4", ":0")
	held := netlinkSockets(t)
	require.NotEmpty(t, held)
	c := listen(t, "udp6", ":0")
	require.Equal(t, held, netlinkSockets(t))
	require.NoError(t, a.Close())
	require.ErrorIs(t, a.Close(), net.ErrClosed) // gives nothing back twice
	require.NoError(t, b.Close())
	require.Equal(t, held, netlinkSockets(t))
	_, err := dsrudp.ListenPacket("udp6", "[2001:db8::77]:0")
	require.Error(t, err)
	require.Equal(t, held, netlinkSockets(t))
	require.NoError(t, c.Close())
	require.Empty(t, netlinkSockets(t))
	_, err = dsrudp.ListenPacket("udp6", "[2001:db8::77]:0")
	require.Error(t, err)
	require.Empty(t, netlinkSockets(t))
}

// TestForgotten: a Conn that is forgotten instead of closed does not keep the
// guard for ever.
func TestForgotten(t *testing.T) {
	if !apart(t, "a Conn that nobody has is not let go of") {
		return
	}
	func() {
		c, err := dsrudp.ListenPacket("udp", ":0")
		require.NoError(t, err)
		require.NotNil(t, c)
	}()
	requireLetGo(t)
}

// TestForgottenAdopted: nor does one of a socket made elsewhere.
func TestForgottenAdopted(t *testing.T) {
	if !apart(t, "a Conn that nobody has is not let go of") {
		return
	}
	func() {
		u, err := net.ListenUDP("udp", nil)
		require.NoError(t, err)
		c, err := dsrudp.NewConn(u)
		require.NoError(t, err)
		require.NotNil(t, c)
	}()
	requireLetGo(t)
}

// requireLetGo requires that the collector ends the guard that a Conn had.
func requireLetGo(t *testing.T) {
	t.Helper()
	require.NotEmpty(t, netlinkSockets(t))
	for end := time.Now().Add(patience); len(netlinkSockets(t)) > 0; {
		require.True(t, time.Now().Before(end), "the guard is still held")
		runtime.GC()
	}
}
