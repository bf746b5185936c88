//go:build !dsrudp_portable

package mmsg

import (
	"net/netip"
	"syscall"
	"unsafe"
)

// OutBatch is the memory that one send of several messages works on. It is made once
// and used again for call after call, by one goroutine at a time.
type OutBatch struct {
	// Gen is the generation that what is sent next is right for, see Socket.Heed. It is
	// to be asked for before what depends on it is.
	Gen uint64

	headers
	sock *Socket

	len, niov int
	extents   []extent
	bytes     int    // of all payloads
	last      []byte // the piece appended last
	lastTo    int    // to which message

	// The call in progress.
	from, to, flags int
	done            int
	errno           syscall.Errno
	send            func(fd uintptr) bool
	try             func(fd uintptr)
	within          *InBatch // whose Loop it is made in
}

// An extent is where the vectors of a message are.
type extent struct {
	at, room int // in iovs
}

// iovsEach is how many pieces of memory the payloads of messages may have, on average.
const iovsEach = 4

// NewOutBatch returns an OutBatch of up to n messages, each with room for oob bytes of
// control messages.
func (s *Socket) NewOutBatch(n, oob int) *OutBatch {
	b := &OutBatch{headers: newHeaders(n, iovsEach, oob), sock: s, extents: make([]extent, n)}
	b.send, b.try = b.doSend, b.transmit
	return b
}

// Room returns how many pieces of memory a message that is begun now may have.
func (b *OutBatch) Room() int { return len(b.iovs) - b.niov }

// Within has b's sends made without the poller while in's Loop runs, whose
// callback has the descriptor already.
func (b *OutBatch) Within(in *InBatch) { b.within = in }

// Reset forgets the messages built, and their payloads.
func (b *OutBatch) Reset() {
	for i := range b.iovs[:b.niov] {
		b.iovs[i].Base = nil
	}
	b.len, b.niov, b.bytes, b.last = 0, 0, 0, nil
}

// Len returns the number of messages built since Reset.
func (b *OutBatch) Len() int { return b.len }

// ControlRoom returns the next message's room for control messages, empty, to be
// given to Begin.
func (b *OutBatch) ControlRoom() []byte { return b.control(b.len)[:0] }

// Begin starts the next message, of which there must be room for one more: to
// the remote address to, or, when that is nil, to the connected peer, with the
// control messages oob. Scope is the interface index of a link-local remote address,
// else 0. Oob is kept until a message in the same place has others.
func (b *OutBatch) Begin(to *netip.AddrPort, scope uint32, oob []byte) {
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
func (b *OutBatch) Control(i int, oob []byte) {
	h := &b.hdrs[i].hdr
	h.Control = unsafe.SliceData(oob)
	h.SetControllen(len(oob))
}

// Controls returns the control messages of message i, which may be given to Control
// again with more behind them.
func (b *OutBatch) Controls(i int) []byte {
	h := &b.hdrs[i].hdr
	if room := b.control(i); unsafe.SliceData(room) == h.Control {
		return room[:h.Controllen]
	}
	return unsafe.Slice(h.Control, int(h.Controllen))
}

// Append adds p to the payload of the last message. P is kept until Reset. It
// reports false when there is no room for it and p was not added.
func (b *OutBatch) Append(p []byte) bool { return b.AppendTo(b.len-1, p) }

// AppendTo is Append to message i. It may find no room where there is some for a message
// to begin.
func (b *OutBatch) AppendTo(i int, p []byte) bool {
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
func (b *OutBatch) widen(i int) bool {
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
func (b *OutBatch) Payload(i int, p []byte) []byte {
	h := &b.hdrs[i].hdr
	for _, v := range vectors(h) {
		p = append(p, unsafe.Slice(v.Base, int(v.Len))...)
	}
	return p
}
