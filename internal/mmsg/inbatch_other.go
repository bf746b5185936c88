//go:build !linux || dsrudp_portable

package mmsg

import (
	"errors"
	"net/netip"
	"os"
	"time"
)

// TakesFlags says that InBatch.Recv and OutBatch.SendRange go by their flags. Net's calls take
// none.
const TakesFlags = false

// InBatch is the memory that one receive of several messages works on. Here each of its
// calls moves one message, by net.
type InBatch struct {
	sock *Socket
	msg  Msg

	buffers  [][][]byte
	received Received
	oob      []byte
	looping  bool
}

// NewInBatch returns an InBatch of up to n messages, each with room for oob bytes of
// control messages.
func (s *Socket) NewInBatch(n, oob int) *InBatch {
	return &InBatch{sock: s, buffers: make([][][]byte, n), oob: make([]byte, oob)}
}

// SetBuffer makes message i's payload be received into p.
func (b *InBatch) SetBuffer(i int, p []byte) { b.buffers[i] = append(b.buffers[i][:0], p) }

// SetBuffers makes message i's payload be received into the buffers ps, one
// filled after the other.
func (b *InBatch) SetBuffers(i int, ps [][]byte) { b.buffers[i] = append(b.buffers[i][:0], ps...) }

// Release lets go of the buffers of messages [0, n).
func (b *InBatch) Release(n int) {
	for i := range b.buffers[:n] {
		clear(b.buffers[i])
	}
}

// Recv receives one datagram into the first buffer that was set, and waits for
// it until the read deadline or Close.
func (b *InBatch) Recv(_, _ int) (n int, err error) {
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
func (b *InBatch) Poll(n int) (int, error) {
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
func (b *InBatch) Loop(f func(n int) bool) error {
	b.looping = true
	defer func() { b.looping = false }()
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
func (b *InBatch) Waiting() *Waiting { return nil }

// Overlooks is false.
func (b *InBatch) Overlooks(*Waiting) bool { return false }

// Streak is 0: each datagram is waited for.
func (b *InBatch) Streak() uint { return 0 }

// Received sets r to what message i brought.
func (b *InBatch) Received(_ int, r *Received) { *r = b.received }

// Size returns the bytes of payload that message i brought.
func (b *InBatch) Size(_ int) int { return b.received.N }

// Flags returns the flags of message i: see FlagTrunc and FlagCtrunc.
func (b *InBatch) Flags(int) int { return b.received.Flags }

// Remote returns the remote address of message i and its scope, as Received has
// them.
func (b *InBatch) Remote(int) (netip.AddrPort, uint32) { return b.received.From, b.received.Scope }

// SameRemote is false: there is no message before.
func (b *InBatch) SameRemote(int) bool { return false }

// OOB returns the control messages that came with message i. They are b's, and
// good until the next receive.
func (b *InBatch) OOB(int) []byte { return b.oob[:b.received.OOBN] }
