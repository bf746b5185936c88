package facts_test

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var bareFreebind = bareOn(unix.IPPROTO_IPV6, unix.IPV6_FREEBIND)

// bareOff is the opposite of bareOn.
func bareOff(level, name int) bareOption {
	return func(fd int) error { return unix.SetsockoptInt(fd, level, name, 0) }
}

// bareMessage returns a control message.
func bareMessage(level, kind int, data []byte) []byte {
	oob := make([]byte, unix.CmsgSpace(len(data)))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
	h.Level, h.Type = int32(level), int32(kind)
	h.SetLen(unix.CmsgLen(len(data)))
	copy(oob[unix.CmsgLen(0):], data)
	return oob
}

// bareValue returns the value of a socket option.
func bareValue(t *testing.T, c syscall.Conn, level, name int) (v int) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	e := raw.Control(func(fd uintptr) { v, err = unix.GetsockoptInt(int(fd), level, name) })
	require.NoError(t, e)
	require.NoError(t, err)
	return v
}
