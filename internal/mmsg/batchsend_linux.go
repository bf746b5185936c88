package mmsg

import (
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Room returns how many pieces of memory a message that is begun now may have.
func (b *Batch) Room() int { return len(b.iovs) - b.niov }

// Within has b's sends made without the poller while in's Loop runs, whose
// callback has the descriptor already.
func (b *Batch) Within(in *Batch) { b.within = in }

// Reset forgets the messages built, and their payloads.
func (b *Batch) Reset() {
	for i := range b.iovs[:b.niov] {
		b.iovs[i].Base = nil
	}
	b.len, b.niov, b.bytes, b.last = 0, 0, 0, nil
}

// Len returns the number of messages built since Reset.
func (b *Batch) Len() int { return b.len }

// ControlRoom returns the next message's room for control messages, empty, to be
// given to Begin.
func (b *Batch) ControlRoom() []byte { return b.control(b.len)[:0] }

// Begin starts the next message, of which there must be room for one more: to
// the remote address to, or, when that is nil, to the connected peer, with the
// control messages oob. Scope is the interface index of a link-local remote address,
// else 0. Oob is kept until a message in the same place has others.
func (b *Batch) Begin(to *netip.AddrPort, scope uint32, oob []byte) {
	i := b.len
	b.len++
	h := &b.hdrs[i].hdr
	h.Namelen = 0 // means that there is no name
	if to != nil {
		h.Namelen = b.names[i].set(b.sock.inet6, to, scope)
	}
	h.Control = unsafe.SliceData(oob)
	h.SetControllen(len(oob))
	h.SetIovlen(0)
	b.extents[i].room = 0
}

// Control gives message i other control messages.
func (b *Batch) Control(i int, oob []byte) {
	h := &b.hdrs[i].hdr
	h.Control = unsafe.SliceData(oob)
	h.SetControllen(len(oob))
}

// Controls returns the control messages of message i, which may be given to Control
// again with more behind them.
func (b *Batch) Controls(i int) []byte {
	h := &b.hdrs[i].hdr
	if room := b.control(i); unsafe.SliceData(room) == h.Control {
		return room[:h.Controllen]
	}
	return unsafe.Slice(h.Control, int(h.Controllen))
}

// Append adds p to the payload of the last message. P is kept until Reset. It
// reports false when there is no room for it and p was not added.
func (b *Batch) Append(p []byte) bool { return b.AppendTo(b.len-1, p) }

// AppendTo is Append to message i. It may find no room where there is some for a message
// to begin.
func (b *Batch) AppendTo(i int, p []byte) bool {
	h, x := &b.hdrs[i].hdr, &b.extents[i]
	n := int(h.Iovlen)
	// Pieces that follow each other in one array need no vectors of their own.
	// The capacity shows that they do: allocations that only happen to be
	// neighbours must each be kept alive.
	if l := b.last; n > 0 && b.lastTo == i && len(p) > 0 && cap(l) > len(l) && &l[:len(l)+1][len(l)] == &p[0] {
		v := &b.iovs[x.at+n-1]
		v.SetLen(int(v.Len) + len(p))
		b.last = p
		b.bytes += len(p)
		return true
	}
	if n == x.room && !b.widen(i) {
		return false
	}
	b.last, b.lastTo = p, i
	b.bytes += len(p)
	v := &b.iovs[x.at+n]
	v.Base = unsafe.SliceData(p)
	v.SetLen(len(p))
	h.SetIovlen(n + 1)
	return true
}

// widen gives message i room for another vector. Those of a message are in one
// piece, so that one which another was begun after may have to move.
func (b *Batch) widen(i int) bool {
	h, x := &b.hdrs[i].hdr, &b.extents[i]
	free := len(b.iovs) - b.niov
	if free == 0 {
		return false
	}
	if x.room > 0 && x.at+x.room == b.niov {
		x.room++
		b.niov++
		return true
	}
	n, room := x.room, 1
	if n > 0 {
		room = min(max(4, 2*n), free)
	}
	if room <= n {
		return false
	}
	copy(b.iovs[b.niov:], b.iovs[x.at:x.at+n])
	x.at, x.room = b.niov, room
	b.niov += room
	h.Iov = &b.iovs[x.at]
	return true
}

// Payload appends message i's payload to p.
func (b *Batch) Payload(i int, p []byte) []byte {
	h := &b.hdrs[i].hdr
	for _, v := range vectors(h) {
		p = append(p, unsafe.Slice(v.Base, int(v.Len))...)
	}
	return p
}

func vectors(h *unix.Msghdr) []unix.Iovec { return unsafe.Slice(h.Iov, int(h.Iovlen)) }

// maxCall is the most payload that one raw system call is given to send, so that
// the collector, which waits for it to end, need not wait long. At least one
// message is.
const maxCall = 1 << 17

// Send sends messages from on, and waits for room in the send buffer until the
// write deadline or Close. It returns the number of messages sent, which may be
// fewer than there are without an error: the kernel keeps the reason to itself
// until it is given the rest. It is 0 without an error where Send waited and what it
// was given may be right no longer, see Heed. An error is that of message from, and
// none was sent.
func (b *Batch) Send(from, flags int) (int, error) { return b.SendRange(from, b.len, flags) }

// SendRange is Send for messages from from on up to, but not including, to.
func (b *Batch) SendRange(from, to, flags int) (int, error) {
	b.arm(from, to, flags)
	if b.directly() && (b.errno != unix.EAGAIN || b.flags&unix.MSG_DONTWAIT != 0) {
		return b.result()
	}
	b.gen = b.sock.current()
	if err := b.sock.raw.Write(b.send); err != nil {
		return 0, unwrap(err)
	}
	return b.result()
}

// TryRange is SendRange that waits for nothing, neither for room nor for another send
// that does: its error would say so, see WouldBlock. It does not look at the write
// deadline.
func (b *Batch) TryRange(from, to, flags int) (int, error) {
	b.arm(from, to, flags)
	if !b.directly() {
		if err := b.sock.raw.Control(b.try); err != nil {
			return 0, unwrap(err)
		}
	}
	return b.result()
}

func (b *Batch) arm(from, to, flags int) {
	b.from, b.to, b.flags = from, b.bound(from, to), flags
	if raceEnabled {
		b.raceSent()
	}
}

// directly sends without net, and reports whether it could.
func (b *Batch) directly() bool {
	if w := b.within; w != nil && w.looping {
		b.transmit(w.fd)
		return true
	}
	g := &b.sock.life.writes
	if !g.enter() {
		return false
	}
	b.transmit(b.sock.life.fd)
	g.leave()
	return true
}

func (b *Batch) result() (int, error) {
	if b.errno != 0 {
		return 0, os.NewSyscallError("sendmmsg", b.errno)
	}
	return b.done, nil
}

// bound returns where a system call that begins with message from has to end.
func (b *Batch) bound(from, to int) int {
	if b.bytes <= maxCall {
		return to
	}
	n := 0
	for i := from; i < to; i++ {
		for _, v := range vectors(&b.hdrs[i].hdr) {
			n += int(v.Len)
		}
		if n > maxCall {
			return max(i, from+1)
		}
	}
	return to
}

func (b *Batch) doSend(fd uintptr) bool {
	if b.gen != b.sock.current() {
		b.done, b.errno = 0, 0
		return true
	}
	b.transmit(fd)
	return b.errno != unix.EAGAIN || b.flags&unix.MSG_DONTWAIT != 0
}

func (b *Batch) transmit(fd uintptr) {
	b.done, b.errno = b.sock.sendmmsg(fd, b.hdrs[b.from:b.to], b.flags)
}
