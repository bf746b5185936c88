//go:build !linux

package mmsg

import (
	"errors"
	"net/netip"
	"os"
	"time"
)

// TakesFlags says that Recv and Send go by their flags. Net's calls take none.
const TakesFlags = false

// Batch is the memory that one receive or send of several messages works on.
// Here each of its calls moves one message, by net.
type Batch struct {
	sock *Socket
	msg  Msg
	room int

	buffers  [][][]byte
	received Received
	oob      []byte

	messages []message
	len      int
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

// NewBatch returns a Batch of up to n messages, each with room for oob bytes of
// control messages.
func (s *Socket) NewBatch(n, oob int) *Batch {
	return &Batch{sock: s, room: oob, buffers: make([][][]byte, n), oob: make([]byte, oob), messages: make([]message, n)}
}

// SetBuffer makes message i's payload be received into p.
func (b *Batch) SetBuffer(i int, p []byte) { b.buffers[i] = append(b.buffers[i][:0], p) }

// SetBuffers makes message i's payload be received into the buffers ps, one
// filled after the other.
func (b *Batch) SetBuffers(i int, ps [][]byte) { b.buffers[i] = append(b.buffers[i][:0], ps...) }

// Release lets go of the buffers of messages [0, n).
func (b *Batch) Release(n int) {
	for i := range b.buffers[:n] {
		clear(b.buffers[i])
	}
}

// Recv receives one datagram into the first buffer that was set, and waits for
// it until the read deadline or Close.
func (b *Batch) Recv(_, _ int) (n int, err error) {
	ps := b.buffers[0]
	var p []byte
	if len(ps) == 1 {
		p = ps[0]
	} else {
		size := 0
		for _, q := range ps {
			size += len(q)
		}
		p = make([]byte, size) // net fills one buffer
	}
	if err := b.sock.Recv(&b.msg, p, b.oob, &b.received); err != nil {
		return 0, err
	}
	if len(ps) != 1 {
		p = p[:b.received.N]
		for _, q := range ps {
			p = p[copy(q, p):]
		}
	}
	return 1, nil
}

// Poll is Recv that hardly waits: it returns 0 when nothing is there. It changes
// the read deadline.
func (b *Batch) Poll(n int) (int, error) {
	if err := b.sock.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return 0, unwrap(err)
	}
	n, err := b.Recv(n, 0)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, nil
	}
	return n, err
}

// Loop receives datagrams into the buffers that were set and calls f with the
// number of each batch, until f returns false or a receive fails; the error is
// then the receive's.
func (b *Batch) Loop(f func(n int) bool) error {
	for {
		n, err := b.Recv(1, 0)
		if err != nil || !f(n) {
			return err
		}
	}
}

// Waiting is for systems where a Loop waits itself. Here it is net who does.
type Waiting struct{}

// Waiting returns nothing to look at.
func (b *Batch) Waiting() *Waiting { return nil }

// Overlooks is false.
func (b *Batch) Overlooks(*Waiting) bool { return false }

// Streak is 0: each datagram is waited for.
func (b *Batch) Streak() uint { return 0 }

// Received sets r to what message i brought.
func (b *Batch) Received(_ int, r *Received) { *r = b.received }

// Size returns the bytes of payload that message i brought.
func (b *Batch) Size(_ int) int { return b.received.N }

// Flags returns the flags of message i: see FlagTrunc and FlagCtrunc.
func (b *Batch) Flags(int) int { return b.received.Flags }

// Remote returns the remote address of message i and its scope, as Received has
// them.
func (b *Batch) Remote(int) (netip.AddrPort, uint32) { return b.received.From, b.received.Scope }

// SameRemote is false: there is no message before.
func (b *Batch) SameRemote(int) bool { return false }

// OOB returns the control messages that came with message i. They are b's, and
// good until the next receive.
func (b *Batch) OOB(int) []byte { return b.oob[:b.received.OOBN] }

// Room returns how many pieces of memory a message that is begun now may have: as many
// as anybody likes.
func (b *Batch) Room() int { return 1 << 20 }

// Within has nothing to do here.
func (b *Batch) Within(*Batch) {}

// Reset forgets the messages built, and their payloads.
func (b *Batch) Reset() { b.len = 0 }

// Len returns the number of messages built since Reset.
func (b *Batch) Len() int { return b.len }

// ControlRoom returns room for the next message's control messages, empty, to be
// given to Begin.
func (b *Batch) ControlRoom() []byte {
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
func (b *Batch) Begin(to *netip.AddrPort, scope uint32, oob []byte) {
	m := &b.messages[b.len]
	b.len++
	m.to, m.scope, m.oob, m.payload = nil, scope, oob, m.payload[:0]
	if to != nil {
		m.remote = *to
		m.to = &m.remote
	}
}

// Control gives message i other control messages.
func (b *Batch) Control(i int, oob []byte) { b.messages[i].oob = oob }

// Controls returns the control messages of message i, which may be given to Control
// again with more behind them.
func (b *Batch) Controls(i int) []byte { return b.messages[i].oob }

// Append adds p to the payload of the last message. It reports false when there
// is no room for it, which there always is here.
func (b *Batch) Append(p []byte) bool { return b.AppendTo(b.len-1, p) }

// AppendTo is Append to message i.
func (b *Batch) AppendTo(i int, p []byte) bool {
	m := &b.messages[i]
	m.payload = append(m.payload, p...)
	return true
}

// Payload appends message i's payload to p.
func (b *Batch) Payload(i int, p []byte) []byte { return append(p, b.messages[i].payload...) }

// SendRange is Send.
func (b *Batch) SendRange(from, _, flags int) (int, error) { return b.Send(from, flags) }

// TryRange is Send: net has no call that would not wait.
func (b *Batch) TryRange(from, _, flags int) (int, error) { return b.Send(from, flags) }

// Send sends message from, and waits for room in the send buffer until the
// write deadline or Close. It returns the number of messages sent, 1 or, with an
// error, 0.
func (b *Batch) Send(from, _ int) (n int, err error) {
	m := &b.messages[from]
	if m.n, err = b.sock.Send(&b.msg, m.payload, m.oob, m.to, m.scope); err != nil {
		return 0, err
	}
	return 1, nil
}
