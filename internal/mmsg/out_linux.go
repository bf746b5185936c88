//go:build !dsrudp_portable

package mmsg

import (
	"syscall"
	"unsafe"
)

// MaxOut is how many messages one send should give to the kernel at most.
const MaxOut = 32

const (
	// maxVectors is UIO_MAXIOV: with more the kernel returns EMSGSIZE.
	maxVectors = 1024
	// maxCall is the most payload that one system call is given to send. The garbage
	// collector waits for a raw one to end. One message is sent whatever its size.
	maxCall = 1 << 17
)

// An Out is the memory of one send of several messages. It is made once and used again
// for call after call, by one goroutine at a time. Payloads are kept until Reset.
type Out struct {
	headers
	sock *Socket

	len    int
	bytes  int    // of all payloads
	last   []byte // the piece appended last
	lastTo int    // and to which message

	// The call in progress.
	from, to, flags int
	done            int
	errno           syscall.Errno
	send            func(fd uintptr)
}

// NewOut returns an Out for up to n messages, each with room for so many bytes of control
// messages.
func (s *Socket) NewOut(n, controlRoom int) *Out {
	o := &Out{headers: newHeaders(n, 4, controlRoom), sock: s}
	o.send = o.doSend
	return o
}

// Control returns the next message's room for control messages, empty, to append to.
func (o *Out) Control() []byte { return o.controlRoom(o.len)[:0] }

// Begin begins a message, of which there must be room for one more, to the address to,
// which is ignored where the Socket is connected. Control, perhaps what Control returned
// with something appended, is kept until a message in the same place has others.
func (o *Out) Begin(to *Addr, control []byte) {
	i := o.len
	o.len++
	h := &o.hdrs[i].hdr
	if !o.sock.connected {
		h.Namelen = o.names[i].set(o.sock.inet6, to)
	}
	o.SetControl(i, control)
	h.SetIovlen(0)
}

// ControlOf returns the control messages of message i, to append to.
func (o *Out) ControlOf(i int) []byte {
	h := &o.hdrs[i].hdr
	if room := o.controlRoom(i); unsafe.SliceData(room) == h.Control {
		return room[:h.Controllen]
	}
	return unsafe.Slice(h.Control, int(h.Controllen))
}

// SetControl sets the control messages of message i.
func (o *Out) SetControl(i int, control []byte) {
	h := &o.hdrs[i].hdr
	h.Control = unsafe.SliceData(control)
	h.SetControllen(len(control))
}

// Append adds p to the payload of message i. It reports false where there is no vector
// left.
func (o *Out) Append(i int, p []byte) bool {
	v := o.vectors[i]
	if n := len(v); n > 0 && o.lastTo == i && follows(o.last, p) {
		v[n-1].SetLen(int(v[n-1].Len) + len(p)) // fewer vectors for the kernel
	} else if n == maxVectors {
		return false
	} else {
		o.append(i, p)
	}
	o.last, o.lastTo = p, i
	o.bytes += len(p)
	return true
}

// follows reports whether p begins where last ends, in the same array. The capacity shows
// that it is one: allocations that only happen to be neighbours must each be kept alive.
func follows(last, p []byte) bool {
	n := len(last)
	return len(p) > 0 && n > 0 && cap(last) > n && &last[:n+1][n] == &p[0]
}

// Payload appends the payload of message i to b.
func (o *Out) Payload(i int, b []byte) []byte {
	for _, v := range o.vectors[i] {
		b = append(b, unsafe.Slice(v.Base, int(v.Len))...)
	}
	return b
}

// TrySend sends messages [from, to), at least one, as Socket.TrySend does one, and returns
// how many were sent. They may be fewer without an error, which the kernel returns when it
// is given the rest (or it was more than one call is to send). An error is that of
// message from, and none was sent. The flags are sendmmsg's.
func (o *Out) TrySend(from, to, flags int) (int, error) {
	o.from, o.to, o.flags = from, o.bound(from, to), flags
	if raceEnabled {
		o.raceSent()
	}
	if err := o.sock.raw.Control(o.send); err != nil {
		return 0, unwrap(err)
	}
	return o.done, sendError("sendmmsg", o.errno)
}

func (o *Out) doSend(fd uintptr) {
	o.done, o.errno = o.sock.sendmmsg(fd, o.hdrs[o.from:o.to], o.flags)
}

// bound returns where a system call that begins with message from has to end.
func (o *Out) bound(from, to int) int {
	if o.bytes <= maxCall {
		return to
	}
	n := 0
	for i := from; i < to; i++ {
		for _, v := range o.vectors[i] {
			n += int(v.Len)
		}
		if n > maxCall {
			return max(i, from+1)
		}
	}
	return to
}

// Reset drops the messages and their payloads.
func (o *Out) Reset() {
	for i := range o.len {
		o.release(i)
	}
	o.len, o.bytes, o.last = 0, 0, nil
}
