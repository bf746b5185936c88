//go:build !dsrudp_portable

package mmsg

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// MaxIn is how many datagrams one receive should take at most. A saturated Server gains
// from more of them, as more replies of one path leave as one message.
const MaxIn = 64

// An In is the memory of one receive of several datagrams. It is made once and used
// again for call after call, by one goroutine at a time.
type In struct {
	headers
	sock *Socket

	dirty int // headers that the kernel wrote to
	want  int // see Want

	// The call in progress.
	to, flags int
	waited    bool
	done      int
	errno     syscall.Errno
	received  func(n int) bool // Loop's
	ended     bool             // Loop is to return

	left, yield time.Duration // when a Loop began to wait, and when it yielded

	// The callbacks are made once, see Msg.
	recv, loop func(fd uintptr) bool
	poll       func(fd uintptr)
}

// NewIn returns an In for up to n datagrams, each with room for so many bytes of control
// messages.
func (s *Socket) NewIn(n, controlRoom int) *In {
	in := &In{headers: newHeaders(n, 1, controlRoom), sock: s, dirty: n, want: MaxIn}
	in.recv, in.poll, in.loop = in.doRecv, in.receive, in.doLoop
	return in
}

// SetBuffer sets the buffer of message i until it is called again.
func (in *In) SetBuffer(i int, b []byte) {
	h := &in.hdrs[i].hdr
	if h.Iovlen != 1 {
		in.release(i)
		in.append(i, b)
		return
	}
	h.Iov.Base = unsafe.SliceData(b)
	h.Iov.SetLen(len(b))
}

// SetBuffers has message i received into bs, one filled after the other, until it is
// called again.
func (in *In) SetBuffers(i int, bs ...[]byte) {
	in.release(i)
	for _, b := range bs {
		in.append(i, b)
	}
}

// Release drops the buffers of messages [0, n), which must not be received into before
// others are set.
func (in *In) Release(n int) {
	for i := range n {
		clear(in.vectors[i])
	}
}

// rearm makes the headers that the last receive wrote to ready for the next: the kernel
// puts lengths where it found sizes.
func (in *In) rearm() {
	for i := range in.hdrs[:in.dirty] {
		h := &in.hdrs[i].hdr
		h.Namelen = uint32(len(in.names[i]))
		h.SetControllen(in.room)
		h.Flags = 0
	}
	in.dirty = 0
}

// Want returns how many of n datagrams the next Recv should be given buffers for, as each
// costs time whether it is used or not: 1 where datagrams come one at a time, as the last
// Recv had to wait for one that came alone, else twice as many as it received, but 8 at least
// and MaxIn at most. Others that are queued are for the Recv after that.
func (in *In) Want(n int) int { return min(n, in.want) }

// Recv receives up to n datagrams, no more than NewIn was given and as many as are there,
// and waits for the first until the read deadline or Close. The flags are recvmmsg's: with
// MSG_DONTWAIT it does not wait.
func (in *In) Recv(n, flags int) (int, error) {
	in.rearm()
	in.to, in.flags, in.waited = n, flags, false
	if err := in.sock.raw.Read(in.recv); err != nil {
		return 0, unwrap(err)
	}
	return in.done, in.error()
}

func (in *In) doRecv(fd uintptr) bool {
	in.receive(fd)
	if in.errno == unix.EAGAIN && in.flags&unix.MSG_DONTWAIT == 0 {
		in.waited = true
		return false
	}
	in.want = max(8, min(2*in.done, MaxIn))
	if in.waited && in.done == 1 {
		in.want = 1
	}
	return true
}

// receive makes the system call.
func (in *In) receive(fd uintptr) {
	in.done, in.errno = in.sock.recvmmsg(fd, in.hdrs[:in.to], in.flags)
	in.dirty = in.done
	if raceEnabled {
		in.raceReceived()
	}
}

func (in *In) error() error {
	if in.errno != 0 {
		return os.NewSyscallError("recvmmsg", in.errno)
	}
	return nil
}

// Poll is Recv of as many as there is memory for that does not wait, whatever the
// deadline. It returns 0 where nothing is queued.
func (in *In) Poll() (int, error) {
	in.rearm()
	in.to, in.flags = len(in.hdrs), 0
	if err := in.sock.raw.Control(in.poll); err != nil {
		return 0, unwrap(err)
	}
	if in.errno == unix.EAGAIN {
		return 0, nil
	}
	return in.done, in.error()
}

const (
	// maxGap is the longest time in which a Loop that waits is resumed without the
	// scheduler having had to wait for anything: it found the Loop when it looked at the
	// poller, and then looks at no other processor's timers.
	maxGap = 4 * time.Microsecond
	// yieldEach is how often a busy Loop yields. A goroutine that makes raw system calls
	// only, and never has to wait for long, is otherwise not preempted in time: timers
	// came up to 690 ms late, and a collection took 435 ms.
	yieldEach = time.Millisecond
)

// Loop receives datagrams into the buffers that were set and calls f with the number of
// each batch, until f returns false or a receive fails, whose error it returns.
//
// The call of f is inside the callback of the poller, so that waiting for the next batch
// costs one system call less: Close waits for f to return, and must not be called by it. A
// batch that is not full means that the kernel has found the queue empty, or an error, which
// the next receive returns. The poller is notified of what comes after that, and keeps it
// until the callback returns false, so that the Loop need not ask the kernel again.
//
// A Loop that stays busy yields by time.
func (in *In) Loop(f func(n int) bool) error {
	in.rearm()
	in.to, in.flags = len(in.hdrs), 0
	in.received, in.ended = f, false
	defer func() { in.received = nil }()
	for {
		if err := in.sock.raw.Read(in.loop); err != nil {
			return unwrap(err)
		}
		if in.ended {
			return in.error()
		}
		runtime.Gosched()
	}
}

func (in *In) doLoop(fd uintptr) bool {
	if t := now(); t-in.left <= maxGap && in.due(t) {
		return true
	}
	for {
		in.receive(fd)
		switch {
		case in.errno == unix.EAGAIN:
			in.left = now()
			return false
		case in.errno != 0:
			in.ended = true
			return true
		}
		n := in.done
		if !in.received(n) {
			in.ended = true
			return true
		}
		in.rearm()
		t := now()
		if n < in.to {
			in.left = t
			return false
		}
		if in.due(t) { // which also has the poller look at the deadline
			return true
		}
	}
}

// due reports whether a Loop that is busy at t is to yield now.
func (in *In) due(t time.Duration) bool {
	if t-in.yield < yieldEach {
		return false
	}
	in.yield = t
	return true
}

// Message stores in r what message i brought.
func (in *In) Message(i int, r *Received) {
	m := &in.hdrs[i]
	r.N, r.Flags = int(m.n), int(m.hdr.Flags)
	r.Control = unsafe.Slice(m.hdr.Control, in.room)[:m.hdr.Controllen]
	in.names[i].get(m.hdr.Namelen, &r.From)
}
