//go:build (amd64 || arm64) && !dsrudp_portable

package mmsg_test

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// TestBatchForbidden: where a filter forbids recvmmsg and sendmmsg, or the kernel
// has none, single calls do their work, with the same outcome.
func TestBatchForbidden(t *testing.T) {
	const child = "MMSG_TEST_FORBIDDEN"
	for name, errno := range map[string]unix.Errno{"EPERM": unix.EPERM, "ENOSYS": unix.ENOSYS} {
		t.Run(name, func(t *testing.T) {
			if os.Getenv(child) != name {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestBatchForbidden$/^"+name+"$")
				cmd.Env = append(os.Environ(), child+"="+name)
				out, err := cmd.CombinedOutput()
				require.NoError(t, err, "%s", out)
				return
			}
			x, _ := socket(t, "udp4", "127.0.0.1:0", false) // of before
			forbid(t, errno, unix.SYS_RECVMMSG, unix.SYS_SENDMMSG)
			y, yc := socket(t, "udp4", "127.0.0.1:0", false)
			_, _, got := unix.Syscall6(unix.SYS_SENDMMSG, 0, 0, 0, 0, 0, 0)
			require.Equal(t, errno, got)

			to := addrOf(yc, "127.0.0.1")
			out := x.NewOutBatch(4, 0)
			build(t, out, to, []byte("1"), tooLong, []byte("2"), []byte("long as it is"))
			n, err := out.Send(0, 0)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			n, err = out.Send(1, 0)
			require.ErrorIs(t, err, unix.EMSGSIZE)
			require.Zero(t, n)
			for from := 2; from < 4; from += n {
				n, err = out.Send(from, 0)
				require.NoError(t, err)
				require.Positive(t, n)
			}
			require.Equal(t, []int{1, 1, 13}, []int{out.Sent(0), out.Sent(2), out.Sent(3)})

			in, buffers := inbound(y, 8, 8)
			n, err = in.Recv(2, 0)
			require.NoError(t, err)
			require.Equal(t, 2, n)
			n, err = in.Recv(8, 0)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Equal(t, "long as ", string(buffers[0][:received(in, 0).N]))
			require.NotZero(t, received(in, 0).Flags&mmsg.FlagTrunc)
			_, err = in.Recv(8, unix.MSG_DONTWAIT)
			require.ErrorIs(t, err, unix.EAGAIN)
			n, err = in.Poll(8)
			require.NoError(t, err)
			require.Zero(t, n)

			// One that waits.
			require.NoError(t, yc.SetReadDeadline(time.Unix(1, 0)))
			_, err = in.Recv(8, 0)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		})
	}
}

// forbid makes system calls fail with errno for all threads from now on, see
// seccomp(2).
func forbid(t *testing.T, errno unix.Errno, calls ...uint32) {
	t.Helper()
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the call's number
	for i, call := range calls {
		toEnd := uint8(len(calls) - i)
		filter = append(filter, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: toEnd, K: call})
	}
	filter = append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
	)
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread() // both calls on one thread; the second is for all
	defer runtime.UnlockOSThread()
	require.NoError(t, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	_, _, e := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	require.Zero(t, e)
}
