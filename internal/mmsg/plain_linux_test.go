//go:build !dsrudp_portable

package mmsg

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestPlain: after Plain the scheduler is told of each system call, so that the
// world can be stopped while one goes on. To have one that lasts, a timer is read
// instead of a socket.
func TestPlain(t *testing.T) {
	for name, read := range map[string]func(s *Socket, m *Msg, fd uintptr){
		"Msg": func(s *Socket, m *Msg, fd uintptr) {
			m.sock = s
			m.callback(unix.SYS_READ)(fd)
		},
		"Batch": func(s *Socket, m *Msg, fd uintptr) {
			s.call(unix.SYS_READ, fd, unsafe.Pointer(&m.hdr), unsafe.Sizeof(m.hdr), 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
			require.NoError(t, err)
			t.Cleanup(func() { unix.Close(fd) })
			expire := func(ns int64) {
				when := unix.ItimerSpec{Value: unix.NsecToTimespec(ns)}
				require.NoError(t, unix.TimerfdSettime(fd, 0, &when, nil))
			}
			expire(10e9) // when it gives up

			s := new(Socket)
			s.Plain()
			var over atomic.Bool
			tids, done := make(chan int, 1), make(chan struct{})
			go func() {
				defer close(done)
				runtime.LockOSThread()
				tids <- unix.Gettid()
				read(s, new(Msg), uintptr(fd))
				over.Store(true)
			}()
			reads(t, <-tids)
			runtime.GC()
			require.False(t, over.Load(), "the world could be stopped only afterwards")
			expire(1)
			<-done
		})
	}
}

// reads waits until a thread of this process waits for what it reads.
func reads(t *testing.T, tid int) {
	t.Helper()
	for {
		b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", tid))
		require.NoError(t, err)
		if strings.HasPrefix(string(b), fmt.Sprintf("%d ", unix.SYS_READ)) {
			return
		}
		runtime.Gosched()
	}
}
