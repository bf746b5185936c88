//go:build !dsrudp_portable

package mmsg

import (
	"os"

	"golang.org/x/sys/unix"
)

// maxCall is the most payload that one raw system call is given to send, so that
// the collector, which waits for it to end, need not wait long. At least one
// message is.
const maxCall = 1 << 17

// SendRange sends messages [from, to), and waits for room in the send buffer until the
// write deadline or Close. It returns the number of messages sent, which may be
// fewer than there are without an error: the kernel keeps the reason to itself
// until it is given the rest. It is 0 without an error where it waited and what it
// was given may be right no longer, see Heed. An error is that of message from, and
// none was sent.
func (b *OutBatch) SendRange(from, to, flags int) (int, error) {
	b.arm(from, to, flags)
	if b.directly() && (b.errno != unix.EAGAIN || b.flags&unix.MSG_DONTWAIT != 0) {
		return b.result()
	}
	if err := b.sock.raw.Write(b.send); err != nil {
		return 0, unwrap(err)
	}
	return b.result()
}

// TryRange is SendRange that waits for nothing, neither for room nor for another send
// that does: its error would say so, see WouldBlock. It does not look at the write
// deadline.
func (b *OutBatch) TryRange(from, to int) (int, error) {
	b.arm(from, to, 0)
	if !b.directly() {
		if err := b.sock.raw.Control(b.try); err != nil {
			return 0, unwrap(err)
		}
	}
	return b.result()
}

func (b *OutBatch) arm(from, to, flags int) {
	b.from, b.to, b.flags = from, b.bound(from, to), flags
	if raceEnabled {
		b.raceSent()
	}
}

// directly sends without net, and reports whether it could.
func (b *OutBatch) directly() bool {
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

func (b *OutBatch) result() (int, error) {
	if b.errno != 0 {
		return 0, os.NewSyscallError("sendmmsg", b.errno)
	}
	return b.done, nil
}

// bound returns where a system call that begins with message from has to end.
func (b *OutBatch) bound(from, to int) int {
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

func (b *OutBatch) doSend(fd uintptr) bool {
	if b.Gen != b.sock.Generation() {
		b.done, b.errno = 0, 0
		return true
	}
	b.transmit(fd)
	return b.errno != unix.EAGAIN || b.flags&unix.MSG_DONTWAIT != 0
}

func (b *OutBatch) transmit(fd uintptr) {
	b.done, b.errno = b.sock.sendmmsg(fd, b.hdrs[b.from:b.to], b.flags)
}
