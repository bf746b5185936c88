//go:build !dsrudp_portable

package mmsg_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// waiter is a RawConn that has wait called where the poller would wait.
type waiter struct {
	syscall.RawConn
	wait func()
}

func (w *waiter) Read(f func(fd uintptr) bool) error {
	return w.Control(func(fd uintptr) {
		for !f(fd) {
			w.wait()
		}
	})
}

// TestBatchLone: a Recv that had to wait takes the first datagram alone if the one
// before had to wait for one alone, and else all that have come.
func TestBatchLone(t *testing.T) {
	_, c := socket(t, "udp4", "127.0.0.1:0", false)
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	w := &waiter{RawConn: raw}
	in, buffers := inbound(mmsg.SocketOf(w), 4, 8)
	self := addrOf(c, "127.0.0.1")
	come := func(ps ...string) { sendAll(t, c, self, ps...) }
	takes := func(want ...string) {
		t.Helper()
		n, err := in.Recv(4, 0)
		require.NoError(t, err)
		var got []string
		for i := range n {
			got = append(got, string(buffers[i][:received(in, i).N]))
		}
		require.Equal(t, want, got)
	}
	waits := func(ps ...string) {
		waited := false
		w.wait = func() {
			require.False(t, waited, "for what is there")
			waited = true
			come(ps...)
		}
	}

	come("1")
	waits()
	takes("1")
	waits("2", "3") // the one before did not wait
	takes("2", "3")
	waits("4")
	takes("4")
	waits("5", "6", "7") // alone, as far as it knows
	takes("5")
	waits()
	takes("6", "7")
	waits("8", "9") // not so the last time
	takes("8", "9")
	waits("a")
	takes("a")
	waits("b")
	takes("b")
	_, err = in.Recv(4, unix.MSG_DONTWAIT)
	require.ErrorIs(t, err, syscall.EAGAIN)
	waits("c", "d") // and nothing was there meanwhile
	takes("c", "d")
}
