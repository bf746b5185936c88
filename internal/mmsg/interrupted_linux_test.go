//go:build !dsrudp_portable

package mmsg_test

import (
	"errors"
	"runtime"
	"runtime/debug"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// TestInterrupted: a system call that a signal interrupted is made again, and
// nobody hears of it. A supervisor says so of the first of each.
func TestInterrupted(t *testing.T) {
	for name, plain := range map[string]bool{"raw": false, "plain": true} {
		t.Run(name, func(t *testing.T) {
			s, c := socket(t, "udp4", "127.0.0.1:0", false)
			if plain {
				s.Plain()
			} else {
				letOthersRun(t)
			}
			self := addrOf(c, "127.0.0.1")
			m, b := mmsg.NewMsg(), make([]byte, 8)
			out := s.NewOutBatch(2, 0)
			build(t, out, self, []byte("2"), []byte("3"))
			in, buffers := inbound(s, 2, 8)

			v := supervise(t, unix.SYS_SENDMSG, unix.SYS_SENDMMSG, unix.SYS_RECVMSG, unix.SYS_RECVMMSG)
			v.interrupt(t, unix.SYS_SENDMSG, func() (int, error) { return s.Send(m, []byte("1"), nil, &self, 0) }, 1)
			v.interrupt(t, unix.SYS_SENDMMSG, func() (int, error) { return out.Send(0, 0) }, 2)
			v.interrupt(t, unix.SYS_RECVMSG, func() (int, error) {
				r, err := recvOne(s, m, b, nil)
				return r.N, err
			}, 1)
			v.interrupt(t, unix.SYS_RECVMMSG, func() (int, error) { return in.Recv(2, 0) }, 2)
			require.Equal(t, "123", string(b[:1])+string(buffers[0][:1])+string(buffers[1][:1]))
		})
	}
}

// letOthersRun sees to it that a raw system call may last until another goroutine has
// ended it: that has a processor, and nothing stops the world.
func letOthersRun(t *testing.T) {
	t.Helper()
	processors := runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	percent := debug.SetGCPercent(-1)
	t.Cleanup(func() {
		runtime.GOMAXPROCS(processors)
		debug.SetGCPercent(percent)
	})
	runtime.GC() // if one was going on it is over
}

// A supervisor is asked what becomes of a thread's system calls, see
// seccomp_unotify(2).
type supervisor int

// supervise makes the calling goroutine keep its thread, which ends with it, and
// have these system calls supervised.
func supervise(t *testing.T, calls ...uint32) supervisor {
	t.Helper()
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the call's number
	for i, call := range calls {
		toEnd := uint8(len(calls) - i)
		filter = append(filter, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: toEnd, K: call})
	}
	filter = append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF},
	)
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	require.NoError(t, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	fd, _, e := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	if e == unix.EBUSY {
		t.Skip("this process has a supervisor, as in some containers, and there can be one")
	}
	require.Zero(t, e)
	t.Cleanup(func() { unix.Close(int(fd)) })
	return supervisor(fd)
}

// interrupt has f, which makes one system call, find that interrupted once. Want is
// what f returns.
func (v supervisor) interrupt(t *testing.T, call int32, f func() (int, error), want int) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		err := v.answer(call, unix.EINTR)
		if err == nil {
			err = v.answer(call, 0)
		}
		done <- err
	}()
	n, err := f()
	require.NoError(t, err)
	require.Equal(t, want, n)
	require.NoError(t, <-done)
}

// answer waits for a system call and makes it fail with errno, or go on if that
// is 0.
func (v supervisor) answer(call int32, errno unix.Errno) error {
	for {
		var asked struct { // struct seccomp_notif
			id         uint64
			pid, flags uint32
			call       int32
			arch       uint32
			ip         uint64
			args       [6]uint64
		}
		if e := v.ioctl(unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&asked)); e == unix.EINTR || e == unix.ENOENT {
			continue
		} else if e != 0 {
			return e
		}
		var other error
		if asked.call != call {
			other, errno = errors.New("another system call than was expected"), unix.ENOSYS
		}
		answer := struct { // struct seccomp_notif_resp
			id    uint64
			val   int64
			errno int32
			flags uint32
		}{id: asked.id, errno: -int32(errno)}
		if errno == 0 {
			answer.flags = unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE
		}
		switch e := v.ioctl(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&answer)); e {
		case 0:
			return other
		case unix.ENOENT: // a signal did interrupt it, and the kernel makes the call again
		default:
			return e
		}
	}
}

func (v supervisor) ioctl(request uintptr, p unsafe.Pointer) unix.Errno {
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(v), request, uintptr(p))
	return e
}
