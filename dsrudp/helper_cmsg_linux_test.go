package dsrudp_test

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// cmsghdr writes a control message's header for n bytes of data to b, and
// returns the data.
func cmsghdr(b []byte, level, typ, n int) []byte {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.SetLen(unix.CmsgLen(n))
	h.Level, h.Type = int32(level), int32(typ)
	return b[unix.CmsgLen(0):unix.CmsgLen(n)]
}

// setsockopts sets options on a socket of either kind.
func setsockopts(t *testing.T, c syscall.Conn, opts ...[2]int) {
	t.Helper()
	rc, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, rc.Control(func(fd uintptr) {
		for _, o := range opts {
			require.NoError(t, unix.SetsockoptInt(int(fd), o[0], o[1], 1))
		}
	}))
}

// requireSameMessages compares but for the ports of ORIGDSTADDR messages.
func requireSameMessages(t *testing.T, want, got []byte) {
	t.Helper()
	ws, err := unix.ParseSocketControlMessage(want)
	gs, err2 := unix.ParseSocketControlMessage(got)
	require.Equal(t, err, err2)
	require.Equal(t, len(ws), len(gs))
	for i := range ws {
		require.Equal(t, ws[i].Header, gs[i].Header)
		if ws[i].Header.Type == unix.IP_ORIGDSTADDR || ws[i].Header.Type == unix.IPV6_ORIGDSTADDR {
			continue
		}
		require.Equal(t, ws[i].Data, gs[i].Data)
	}
}
