package mmsg

import (
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TakesFlags says that Recv and Send go by their flags.
const TakesFlags = true

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32 // bytes of payload transferred
}

// Batch is the memory that one receive or send of several messages works on. It
// is made once and used again for call after call, in one direction, by one
// goroutine at a time. Its headers stay armed: what a call does not change is
// not written again.
type Batch struct {
	sock  *Socket
	hdrs  []mmsghdr
	names []sockaddr
	iovs  []unix.Iovec
	oob   []byte
	room  int // of oob for each message

	// Receiving.
	dirty   int  // headers that the kernel wrote to
	lone    bool // the last Recv that received anything waited, and one datagram came
	scatter [][]unix.Iovec

	// Sending.
	len, niov int
	extents   []extent
	bytes     int    // of all payloads
	last      []byte // the piece appended last
	lastTo    int    // to which message

	// The call in progress.
	from, to, flags int
	done            int
	errno           syscall.Errno
	recv, send      func(fd uintptr) bool
	poll, ask, try  func(fd uintptr)
	within          *Batch // whose Loop this one's sends are made in
	fd              uintptr
	looping         bool
	waited          bool
	gen             uint64 // the Socket's, that a send was given for
	pending         bool   // what ask found

	// Of Loop.
	waiting *Waiting
	streak  uint // datagrams since it waited
}

// An extent is where the vectors of a message to send are.
type extent struct {
	at, room int // in iovs
}

// iovsEach is how many pieces of memory the payloads of the messages to send may
// have, on average.
const iovsEach = 4

// NewBatch returns a Batch of up to n messages, each with room for oob bytes of
// control messages.
func (s *Socket) NewBatch(n, oob int) *Batch {
	oob = (oob + 7) &^ 7 // where control messages may start
	b := &Batch{
		sock:    s,
		hdrs:    make([]mmsghdr, n),
		names:   make([]sockaddr, n),
		iovs:    make([]unix.Iovec, iovsEach*n),
		extents: make([]extent, n),
		oob:     make([]byte, n*oob),
		room:    oob,
		dirty:   n,
		waiting: &Waiting{raw: s.raw},
	}
	for i := range b.hdrs {
		h := &b.hdrs[i].hdr
		h.Name = &b.names[i][0]
		h.Iov = &b.iovs[i]
		h.SetIovlen(1)
		h.Control = unsafe.SliceData(b.control(i))
	}
	b.recv, b.send, b.poll, b.ask, b.try = b.doRecv, b.doSend, b.receive, b.look, b.transmit
	return b
}

func (b *Batch) control(i int) []byte { return b.oob[i*b.room:][:b.room:b.room] }

// SetBuffer makes message i's payload be received into p.
func (b *Batch) SetBuffer(i int, p []byte) {
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
func (b *Batch) SetBuffers(i int, ps [][]byte) {
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
func (b *Batch) Release(n int) {
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
func (b *Batch) rearm() {
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
// FlagDontWait it does not wait.
//
// It takes as many as are there. Where it had to wait it may take the first alone: if
// that is how they came the last time, it does not look for another, which the next
// call will.
func (b *Batch) Recv(n, flags int) (int, error) {
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

func (b *Batch) doRecv(fd uintptr) bool {
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

func (b *Batch) receive(fd uintptr) {
	b.done, b.errno = b.sock.recvmmsg(fd, b.hdrs[:b.to], b.flags)
	b.dirty = b.done
	if raceEnabled {
		b.raceReceived()
	}
}

// Poll is Recv that does not wait, whatever the deadline: it returns 0 when
// nothing is there.
func (b *Batch) Poll(n int) (int, error) {
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
func (b *Batch) Received(i int, r *Received) {
	r.N, r.OOBN, r.Flags = b.Size(i), len(b.OOB(i)), b.Flags(i)
	r.From, r.Scope = b.Remote(i)
}

// Size returns the bytes of payload that message i brought.
func (b *Batch) Size(i int) int { return int(b.hdrs[i].n) }

// Flags returns the flags of message i: see FlagTrunc and FlagCtrunc.
func (b *Batch) Flags(i int) int { return int(b.hdrs[i].hdr.Flags) }

// Remote returns the remote address of message i and its scope, as Received has
// them.
func (b *Batch) Remote(i int) (netip.AddrPort, uint32) {
	return b.names[i].remote(b.hdrs[i].hdr.Namelen)
}

// SameRemote reports whether message i came from the same address as message i-1.
func (b *Batch) SameRemote(i int) bool {
	n := b.hdrs[i].hdr.Namelen
	return n == b.hdrs[i-1].hdr.Namelen && b.names[i].equal(&b.names[i-1], n)
}

// OOB returns the control messages that came with message i. They are b's, and
// good until the next receive.
func (b *Batch) OOB(i int) []byte {
	h := &b.hdrs[i].hdr
	return unsafe.Slice(h.Control, b.room)[:h.Controllen]
}
