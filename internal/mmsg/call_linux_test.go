//go:build !dsrudp_portable

package mmsg_test

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// TestPromise9_BlockingDescription: no call trusts O_NONBLOCK, which Fd of a duplicate
// clears for all duplicates. A raw call that waited would keep its processor, the garbage
// collector would wait for it, and all else for the collector: so this happens in a
// process of its own.
func TestPromise9_BlockingDescription(t *testing.T) {
	for name, receive := range map[string]func(s *mmsg.Socket) error{
		"Recv":    func(s *mmsg.Socket) error { _, err := recv(s, mmsg.NewMsg(), nil, nil); return err },
		"In.Recv": func(s *mmsg.Socket) error { _, err := s.NewIn(2, 0).Recv(2, 0); return err },
		"In.Loop": func(s *mmsg.Socket) error { return s.NewIn(2, 0).Loop(func(int) bool { return false }) },
	} {
		t.Run(name, func(t *testing.T) {
			if !inProcess(t, nil) {
				return
			}
			s, c := socket(t, "udp4", "127.0.0.1:0")
			f, err := c.File()
			require.NoError(t, err)
			defer f.Close()
			f.Fd()
			n, err := s.NewIn(2, 0).Poll()
			require.NoError(t, err)
			require.Zero(t, n)
			reading, done := make(chan struct{}), make(chan error)
			go func() {
				close(reading)
				done <- receive(s)
			}()
			<-reading
			for range 30 { // the reader may not be in its call yet at the first of these
				runtime.GC()
			}
			send(t, s, addrOf(c, "127.0.0.1"), "1")
			require.NoError(t, <-done)
		})
	}

	t.Run("sends", func(t *testing.T) {
		if !inProcess(t, nil) {
			return
		}
		raw, from, peer := narrow(t)
		f, err := from.(*net.UnixConn).File()
		require.NoError(t, err)
		defer f.Close()
		f.Fd()
		s := mmsg.SocketOf(raw, false)
		for _, fill := range fillers(s) {
			sent, err := fill()
			require.ErrorIs(t, err, mmsg.ErrWouldBlock)
			drain(t, peer, sent)
		}
	})
}

// TestK7_4_Forbidden: where a filter forbids recvmmsg and sendmmsg, or the kernel has
// none, single calls do their work, with the same outcome.
func TestK7_4_Forbidden(t *testing.T) {
	for name, errno := range map[string]unix.Errno{"EPERM": unix.EPERM, "ENOSYS": unix.ENOSYS} {
		t.Run(name, func(t *testing.T) {
			if !inProcess(t, nil) {
				return
			}
			x, _ := local(t) // of before
			forbid(t, errno, unix.SYS_RECVMMSG, unix.SYS_SENDMMSG)
			y, to := local(t)
			_, _, got := unix.Syscall6(unix.SYS_SENDMMSG, 0, 0, 0, 0, 0, 0)
			require.Equal(t, errno, got)

			out := x.NewOut(4, 0)
			build(t, out, 0, to, "1", tooLong, "2", "long as it is")
			n, err := out.TrySend(0, 4, 0)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			n, err = out.TrySend(1, 4, 0)
			require.ErrorIs(t, err, unix.EMSGSIZE)
			require.Zero(t, n)
			for from := 2; from < 4; from += n {
				n, err = out.TrySend(from, 4, 0)
				require.NoError(t, err)
				require.Positive(t, n)
			}

			in, buffers := inbound(y, 8, 8)
			n, err = in.Recv(2, 0)
			require.NoError(t, err)
			require.Equal(t, []string{"1", "2"}, payloads(in, buffers, n))
			n, err = in.Recv(8, 0)
			require.NoError(t, err)
			require.Equal(t, []string{"long as "}, payloads(in, buffers, n))
			require.NotZero(t, message(in, 0).Flags&mmsg.FlagTrunc)
			_, err = in.Recv(8, unix.MSG_DONTWAIT)
			require.ErrorIs(t, err, unix.EAGAIN)
			n, err = in.Poll()
			require.NoError(t, err)
			require.Zero(t, n)
			require.NoError(t, y.SetReadDeadline(past))
			_, err = in.Recv(8, 0) // which waits
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		})
	}
}

// forbid makes system calls fail with errno in all threads from now on, see seccomp(2).
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

// TestK7_2_Interrupted: a system call that a signal interrupted is made again. With plain
// calls the world can be stopped while one goes on. To have one that lasts it is made on a
// socket that blocks; with a timeout, as the kernel otherwise makes it again itself.
func TestK7_2_Interrupted(t *testing.T) {
	for name, plain := range map[string]bool{"raw": false, "plain": true} {
		t.Run(name, func(t *testing.T) {
			if !inProcess(t, nil) { // which is killed if the world cannot be stopped
				return
			}
			// A raw call keeps its processor, and nothing may stop the world meanwhile.
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0))))
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			runtime.GC() // if one was going on it is over
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			require.NoError(t, err)
			defer unix.Close(fds[0])
			defer unix.Close(fds[1])
			require.NoError(t, unix.SetsockoptTimeval(fds[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))
			signals := make(chan os.Signal, 1)
			signal.Notify(signals, unix.SIGUSR1)
			defer signal.Stop(signals)

			s := mmsg.SocketOf(nil, plain)
			tids, done := make(chan int), make(chan string, 1)
			go func() {
				runtime.LockOSThread()
				tids <- unix.Gettid()
				n, errno := s.RecvFrom(uintptr(fds[0]), make([]byte, 8))
				done <- fmt.Sprint(n, errno == 0)
			}()
			tid := <-tids
			waits := func() {
				t.Helper()
				for !strings.HasPrefix(callOf(t, tid), fmt.Sprintf("%d ", unix.SYS_RECVFROM)) {
					runtime.Gosched()
				}
			}
			waits()
			if plain {
				runtime.GC()
				require.Empty(t, done, "the world could be stopped only afterwards")
			}
			require.NoError(t, unix.Tgkill(os.Getpid(), tid, unix.SIGUSR1))
			<-signals
			select {
			case got := <-done:
				require.Failf(t, "it was not made again", "it returned %s", got)
			case <-time.After(time.Millisecond):
			}
			waits()
			_, err = unix.Write(fds[1], []byte("123"))
			require.NoError(t, err)
			require.Equal(t, "3 true", <-done)
		})
	}
}

// callOf returns the system call that a thread waits in.
func callOf(t *testing.T, tid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", tid))
	require.NoError(t, err)
	return string(b)
}

// TestPromise8_NoAllocations: nothing allocates, in any way and from the second time on.
func TestPromise8_NoAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	for _, plain := range []bool{false, true} {
		c, err := net.ListenUDP("udp", nil)
		require.NoError(t, err)
		s := socketOf(t, c, true, false, plain)
		option(t, c, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		option(t, c, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		in, buffers := inbound(s, 4, 64)
		in.SetBuffers(3, buffers[3][:8], buffers[3][8:])
		out, m, scratch := s.NewOut(4, 64), mmsg.NewMsg(), make([]byte, 0, 64)
		var r mmsg.Received
		for _, self := range []*mmsg.Addr{addrOf(c, "127.0.0.1"), addrOf(c, "::1")} {
			requireOK := func(n int, err error) {
				if n != 4 || err != nil {
					t.Fatal(n, err)
				}
			}
			fill := func() {
				for i := range 4 {
					out.Begin(self, out.Control())
					for j := range 4 {
						out.Append(i, buffers[i][4*j:4*j+4])
					}
				}
				scratch = out.Payload(0, scratch[:0])
				requireOK(out.TrySend(0, 4, 0))
				out.Reset()
			}
			require.Zero(t, testing.AllocsPerRun(100, func() {
				fill()
				requireOK(in.Recv(4, 0))
				in.Message(3, &r)
				fill()
				requireOK(in.Poll())
				fill()
				for i, b := range buffers {
					in.SetBuffers(i, b[:8], b[8:])
				}
				requireOK(in.Recv(4, unix.MSG_DONTWAIT))
				fill()
				for range 4 {
					if err := s.Recv(m, buffers[0], m.Room[:], &r); err != nil || r.N != 16 {
						t.Fatal(r, err)
					}
				}
				if _, err := s.TrySend(m, buffers[0], m.Room[:0], self); err != nil || s.WriteExpired() != nil || s.WaitRoom(0) != nil {
					t.Fatal(err)
				}
				if n, err := in.Poll(); n != 1 || err != nil {
					t.Fatal(n, err)
				}
			}))
		}
	}
}
