//go:build linux && (amd64 || arm64)

package dsrudp_test

import (
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// forbidNetlink makes socket(AF_NETLINK) fail with EPERM from now on.
func forbidNetlink(t *testing.T) {
	t.Helper()
	forbid(t, unix.EPERM, unix.SYS_SOCKET, map[int]uint32{0: unix.AF_NETLINK})
}

// forbid makes a system call fail with errno where its arguments, by number,
// have the values given in their low halves. It holds for all threads from now
// on, see seccomp(2).
func forbid(t *testing.T, errno unix.Errno, call uint32, args map[int]uint32) {
	t.Helper()
	const offsetNr, offsetArgs = 0, 16 // in struct seccomp_data, whose arguments have 8 bytes
	// Whatever does not match jumps to the end, where all is allowed.
	load := func(offset int) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: uint32(offset)}
	}
	toEnd := 2*len(args) + 1
	equal := func(value uint32) unix.SockFilter {
		f := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: uint8(toEnd), K: value}
		toEnd -= 2
		return f
	}
	filter := []unix.SockFilter{load(offsetNr), equal(call)}
	for n, value := range args {
		filter = append(filter, load(offsetArgs+8*n), equal(value))
	}
	filter = append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	)
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread() // both calls on one thread; the second is for all
	defer runtime.UnlockOSThread()
	require.NoError(t, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	_, _, e := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	require.Zero(t, e)
}
