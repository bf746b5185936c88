package dsrudp_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireWriteOp requires net's shape, and a match where want is not nil.
func requireWriteOp(t *testing.T, err, want error) {
	t.Helper()
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "write", op.Op)
	require.NotErrorAs(t, op.Err, new(*net.OpError), "wrapped once")
	if want != nil {
		require.ErrorIs(t, err, want)
	}
}

// requireNothing requires that no datagram is left for a client, to which c sends
// over loopback: what was sent has arrived.
func requireNothing(t *testing.T, x *net.UDPConn) {
	t.Helper()
	raw, err := x.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		var b [2048]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		require.Error(t, err, "%q came twice, or should not have", b[:max(n, 0)])
	}))
}
