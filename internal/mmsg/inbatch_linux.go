//go:build !dsrudp_portable

package mmsg

import (
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TakesFlags says that InBatch.Recv and OutBatch.SendRange go by their flags.
const TakesFlags = true

// InBatch is the memory that one receive of several messages works on. It is made once
// and used again for call after call, by one goroutine at a time.
type InBatch struct {
	headers
	sock *Socket

	dirty   int  // headers that the kernel wrote to
	lone    bool // the last Recv that received anything waited, and one datagram came
	scatter [][]unix.Iovec

	// The call in progress.
	to, flags int
	done      int
	errno     syscall.Errno
	recv      func(fd uintptr) bool
	poll, ask func(fd uintptr)
	waited    bool
	pending   bool // what ask found

	// Of Loop.
	fd      uintptr
	looping bool
	waiting *Waiting
	streak  uint // datagrams since it waited
}

// NewInBatch returns an InBatch of up to n messages, each with room for oob bytes of
// control messages.
func (s *Socket) NewInBatch(n, oob int) *InBatch {
	b := &InBatch{headers: newHeaders(n, 1, oob), sock: s, dirty: n, waiting: &Waiting{raw: s.raw}}
	b.recv, b.poll, b.ask = b.doRecv, b.receive, b.look
	return b
}

// SetBuffer makes message i's payload be received into p.
func (b *InBatch) SetBuffer(i int, p []byte) {
	if b.scatter != nil { // else the header points there already
		h := &b.hdrs[i].hdr
		h.Iov = &b.iovs[i]
		h.SetIovlen(1)
	}
	b.iovs[i].Base = unsafe.SliceData(p)
	b.iovs[i].SetLen(len(p))
}

// SetBuffers makes message i's payload be received into the buffers ps, one
// filled after the other.
func (b *InBatch) SetBuffers(i int, ps [][]byte) {
	switch len(ps) {
	case 0:
		b.SetBuffer(i, nil)
		return
	case 1:
		b.SetBuffer(i, ps[0])
		return
	}
	if b.scatter == nil {
		b.scatter = make([][]unix.Iovec, len(b.hdrs))
	}
	iovs := b.scatter[i][:0]
	for _, p := range ps {
		v := unix.Iovec{Base: unsafe.SliceData(p)}
		v.SetLen(len(p))
		iovs = append(iovs, v)
	}
	b.scatter[i] = iovs
	h := &b.hdrs[i].hdr
	h.Iov = &iovs[0]
	h.SetIovlen(len(iovs))
}

// Release lets go of the buffers of messages [0, n).
func (b *InBatch) Release(n int) {
	for i := range n {
		b.iovs[i].Base = nil
	}
	if b.scatter != nil {
		for i := range b.scatter[:n] {
			clear(b.scatter[i][:cap(b.scatter[i])])
		}
	}
}

// rearm makes the headers that the last receive wrote to ready for the next:
// the kernel puts lengths where it found sizes.
func (b *InBatch) rearm() {
	for i := range b.hdrs[:b.dirty] {
		h := &b.hdrs[i].hdr
		h.Namelen = uint32(len(b.names[i]))
		h.SetControllen(b.room)
		h.Flags = 0
	}
	b.dirty = 0
}

// Recv receives up to n datagrams into the buffers that were set, and waits for
// the first until the read deadline or Close. Flags are recvmmsg's: with
// MSG_DONTWAIT it does not wait.
//
// It takes as many as are there. Where it had to wait it may take the first alone: if
// that is how they came the last time, it does not look for another, which the next
// call will.
func (b *InBatch) Recv(n, flags int) (int, error) {
	b.rearm()
	b.to, b.flags = n, flags
	b.waited = false
	if err := b.sock.raw.Read(b.recv); err != nil {
		return 0, unwrap(err)
	}
	if b.errno != 0 {
		return 0, os.NewSyscallError("recvmmsg", b.errno)
	}
	return b.done, nil
}

func (b *InBatch) doRecv(fd uintptr) bool {
	b.receive(fd)
	if b.errno == unix.EAGAIN && b.flags&unix.MSG_DONTWAIT == 0 {
		b.waited = true
		if b.lone {
			b.to = 1
		}
		return false
	}
	b.lone = b.waited && b.done == 1
	return true
}

func (b *InBatch) receive(fd uintptr) {
	b.done, b.errno = b.sock.recvmmsg(fd, b.hdrs[:b.to], b.flags)
	b.dirty = b.done
	if raceEnabled {
		b.raceReceived()
	}
}

// Poll is Recv that does not wait, whatever the deadline: it returns 0 when
// nothing is there.
func (b *InBatch) Poll(n int) (int, error) {
	b.rearm()
	b.to, b.flags = n, 0
	if err := b.sock.raw.Control(b.poll); err != nil {
		return 0, unwrap(err)
	}
	switch b.errno {
	case 0:
		return b.done, nil
	case unix.EAGAIN:
		return 0, nil
	}
	return 0, os.NewSyscallError("recvmmsg", b.errno)
}

// Received sets r to what message i brought.
func (b *InBatch) Received(i int, r *Received) {
	r.N, r.OOBN, r.Flags = b.Size(i), len(b.OOB(i)), b.Flags(i)
	r.From, r.Scope = b.Remote(i)
}

// Size returns the bytes of payload that message i brought.
func (b *InBatch) Size(i int) int { return int(b.hdrs[i].n) }

// Flags returns the flags of message i: see FlagTrunc and FlagCtrunc.
func (b *InBatch) Flags(i int) int { return int(b.hdrs[i].hdr.Flags) }

// Remote returns the remote address of message i and its scope, as Received has
// them.
func (b *InBatch) Remote(i int) (netip.AddrPort, uint32) {
	return b.names[i].remote(b.hdrs[i].hdr.Namelen)
}

// SameRemote reports whether message i came from the same address as message i-1.
func (b *InBatch) SameRemote(i int) bool {
	n := b.hdrs[i].hdr.Namelen
	return n == b.hdrs[i-1].hdr.Namelen && b.names[i].equal(&b.names[i-1], n)
}

// OOB returns the control messages that came with message i. They are b's, and
// good until the next receive.
func (b *InBatch) OOB(i int) []byte {
	h := &b.hdrs[i].hdr
	return unsafe.Slice(h.Control, b.room)[:h.Controllen]
}
