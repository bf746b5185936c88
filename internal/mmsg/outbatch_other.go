//go:build !linux || dsrudp_portable

package mmsg

import (
	"net/netip"
	"time"
)

// OutBatch is the memory that one send of several messages works on. Here each of its
// calls moves one message, by net.
type OutBatch struct {
	// Gen is for systems whose sends heed it.
	Gen uint64

	sock *Socket
	msg  Msg
	room int

	messages []message
	len      int
	within   *InBatch
}

type message struct {
	to      *netip.AddrPort // remote, or nil
	remote  netip.AddrPort
	scope   uint32
	control []byte // room for oob
	oob     []byte
	payload []byte
	n       int
}

// NewOutBatch returns an OutBatch of up to n messages, each with room for oob bytes of
// control messages.
func (s *Socket) NewOutBatch(n, oob int) *OutBatch {
	return &OutBatch{sock: s, room: oob, messages: make([]message, n)}
}

// Room returns how many pieces of memory a message that is begun now may have: as many
// as anybody likes.
func (b *OutBatch) Room() int { return 1 << 20 }

// Within has b's sends made while in's Loop runs even after Expire.
func (b *OutBatch) Within(in *InBatch) { b.within = in }

// Reset forgets the messages built, and their payloads.
func (b *OutBatch) Reset() { b.len = 0 }

// Len returns the number of messages built since Reset.
func (b *OutBatch) Len() int { return b.len }

// ControlRoom returns room for the next message's control messages, empty, to be
// given to Begin.
func (b *OutBatch) ControlRoom() []byte {
	m := &b.messages[b.len]
	if m.control == nil {
		m.control = make([]byte, b.room)
	}
	return m.control[:0]
}

// Begin starts the next message, of which there must be room for one more: to
// the remote address to, or, when that is nil, to the connected peer, with the
// control messages oob. Scope is the interface index of a link-local remote address,
// else 0. Oob is kept until a message in the same place has others.
func (b *OutBatch) Begin(to *netip.AddrPort, scope uint32, oob []byte) {
	m := &b.messages[b.len]
	b.len++
	m.to, m.scope, m.oob, m.payload = nil, scope, oob, m.payload[:0]
	if to != nil {
		m.remote = *to
		m.to = &m.remote
	}
}

// Control gives message i other control messages.
func (b *OutBatch) Control(i int, oob []byte) { b.messages[i].oob = oob }

// Controls returns the control messages of message i, which may be given to Control
// again with more behind them.
func (b *OutBatch) Controls(i int) []byte { return b.messages[i].oob }

// Append adds p to the payload of the last message. It reports false when there
// is no room for it, which there always is here.
func (b *OutBatch) Append(p []byte) bool { return b.AppendTo(b.len-1, p) }

// AppendTo is Append to message i.
func (b *OutBatch) AppendTo(i int, p []byte) bool {
	m := &b.messages[i]
	m.payload = append(m.payload, p...)
	return true
}

// Payload appends message i's payload to p.
func (b *OutBatch) Payload(i int, p []byte) []byte { return append(p, b.messages[i].payload...) }

// TryRange is SendRange: net has no call that would not wait.
func (b *OutBatch) TryRange(from, to int) (int, error) { return b.SendRange(from, to, 0) }

// SendRange sends message from, and waits for room in the send buffer until the
// write deadline or Close. It returns the number of messages sent, 1 or, with an
// error, 0.
func (b *OutBatch) SendRange(from, _, _ int) (n int, err error) {
	m := &b.messages[from]
	if w := b.within; w != nil && w.looping && b.sock.life.expired.Load() {
		// The deadline is over, and net would not even try.
		if err = b.sock.SetWriteDeadline(time.Now().Add(lastWait)); err == nil {
			m.n, err = b.sock.send(m.payload, m.oob, m.to, m.scope)
		}
	} else {
		m.n, err = b.sock.Send(&b.msg, m.payload, m.oob, m.to, m.scope)
	}
	if err != nil {
		return 0, unwrap(err)
	}
	return 1, nil
}

// lastWait is the longest that a send waits after Expire.
const lastWait = 10 * time.Millisecond
