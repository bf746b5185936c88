//go:build linux && (amd64 || arm64)

package dsrudp_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestStatsKinds: whatever error the kernel has for a datagram, it is counted, and in
// one place. A seccomp filter has the errors; of several the last made decides.
func TestStatsKinds(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	c := listen(t, "udp", ":0")
	p := pathFrom(c, vips[0], dialVIP(t, c, vips[0]))
	var want dsrudp.Stats
	for _, tc := range []struct {
		errno unix.Errno
		count *uint64
	}{
		{unix.EMSGSIZE, &want.SendTooLong},
		{unix.EPERM, &want.SendDenied},
		{unix.EACCES, &want.SendDenied},
		{unix.ENETUNREACH, &want.SendUnreachable},
		{unix.EHOSTUNREACH, &want.SendUnreachable},
		{unix.ENETDOWN, &want.SendUnreachable},
		{unix.EHOSTDOWN, &want.SendUnreachable},
		{unix.ECONNREFUSED, &want.SendUnreachable},
		{unix.ENOBUFS, &want.SendNoBuffer},
		{unix.ENOMEM, &want.SendNoBuffer},
		{unix.EINVAL, &want.SendFailed},
		{unix.EIO, &want.SendFailed},
		{unix.EOPNOTSUPP, &want.SendFailed},
	} {
		forbid(t, tc.errno, unix.SYS_SENDMSG, nil)
		_, err := c.WriteToPath([]byte("1"), p)
		requireWriteOp(t, err, tc.errno)
		*tc.count++
		got := c.Stats()
		got.PathBytes = 0
		require.Equal(t, want, got, "%v", tc.errno)
	}
}
