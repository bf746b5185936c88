//go:build !dsrudp_portable

package mmsg

import (
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Waiting shows others whether a Loop waits. It keeps nothing of the InBatch alive.
type Waiting struct {
	raw syscall.RawConn
	yes atomic.Bool
}

// Waiting returns what shows whether b's Loop waits.
func (b *InBatch) Waiting() *Waiting { return b.waiting }

// Streak returns how many datagrams Loop has received since it waited.
func (b *InBatch) Streak() uint { return b.streak }

// maxFull is how many full batches Loop takes before it lets the poller look at
// the deadline.
const maxFull = 16

// Loop receives datagrams into the buffers that were set and calls f with the
// number of each batch, until f returns false or a receive fails; the error is
// then the receive's. F runs inside the callback of the poller, so that waiting
// for the next batch costs one system call less; Close waits for it to return.
//
// A batch that is not full means that the kernel has shown the queue to be
// empty. What came after that has left its mark with the poller, which this
// callback does not leave, so it need not look again.
func (b *InBatch) Loop(f func(n int) bool) error {
	b.rearm()
	b.to, b.flags = len(b.hdrs), 0
	b.looping = true
	defer func() { b.looping = false }()
	again := true
	defer b.waiting.yes.Store(false)
	serve := func(fd uintptr) bool {
		b.fd = fd
		b.waiting.yes.Store(false)
		for range maxFull {
			b.receive(fd)
			switch {
			case b.errno == unix.EAGAIN:
				return b.wait()
			case b.errno != 0:
				again = false
				return true
			}
			n := b.done
			b.streak += uint(n)
			if !f(n) {
				again = false
				return true
			}
			b.rearm()
			if n < b.to {
				return b.wait()
			}
		}
		return true
	}
	for again {
		if err := b.sock.raw.Read(serve); err != nil {
			return unwrap(err)
		}
	}
	if b.errno != 0 {
		return os.NewSyscallError("recvmmsg", b.errno)
	}
	return nil
}

// wait returns what has the poller wait.
func (b *InBatch) wait() bool {
	b.streak = 0
	b.waiting.yes.Store(true)
	return false
}

// Overlooks reports whether a Loop, which may be another goroutine's, waits although
// there is a datagram for it. Mostly nobody has looked at the poller then.
func (b *InBatch) Overlooks(other *Waiting) bool {
	b.pending = false
	if other.yes.Load() {
		_ = other.raw.Control(b.ask) // an error means that it was closed
	}
	return b.pending
}

func (b *InBatch) look(fd uintptr) {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds[:], 0)
	b.pending = err == nil && n > 0
}
