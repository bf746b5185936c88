package dsrudp

import (
	"slices"
	"sync"
	"time"
)

// holdFor is the longest that a datagram is held.
const holdFor = time.Millisecond

// arenaSize is the memory for payloads on their way out, in bytes: enough for
// the largest message there is.
const arenaSize = 1 << 16

// A coalescer holds back datagrams that were written, to send several with one
// system call.
type coalescer struct {
	c    *Conn
	tell func(Path, error) // or nil

	mu    sync.Mutex
	q     *sender
	arena []byte
	items int
	timer *time.Timer // running, or nil
}

func newCoalescer(c *Conn, tell func(Path, error)) *coalescer {
	return &coalescer{c: c, tell: tell, q: c.newSender().(*sender), arena: make([]byte, 0, arenaSize)}
}

// hold takes a datagram, if there is reason to expect another one soon. An error
// is the datagram's own, which was not taken.
func (h *coalescer) hold(b []byte, s *source, t *target) (taken bool, err error) {
	h.mu.Lock()
	last := h.c.ahead.left.Load() == 0 // nobody will come to flush
	if len(b) > cap(h.arena) || last && h.items == 0 {
		h.mu.Unlock()
		return false, nil
	}
	var failed []failure
	if len(h.arena)+len(b) > cap(h.arena) || h.items == maxBatch {
		failed = h.send()
	}
	at := len(h.arena)
	h.arena = append(h.arena, b...)
	if err = h.q.add(h.items, h.arena[at:], s, t, NotECT); err == nil {
		h.items++
	}
	switch {
	case last:
		failed = append(failed, h.send()...)
	case h.timer == nil:
		h.timer = time.AfterFunc(holdFor, h.flush)
	}
	h.mu.Unlock()
	h.report(failed)
	return err == nil, err
}

// flush sends what is held.
func (h *coalescer) flush() {
	h.mu.Lock()
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
	failed := h.send()
	h.mu.Unlock()
	h.report(failed)
}

// send sends what is held and returns what failed. The caller has the lock.
func (h *coalescer) send() []failure {
	if h.items == 0 {
		return nil
	}
	h.q.flush()
	h.items, h.arena = 0, h.arena[:0]
	failed := slices.Clone(h.q.failed)
	h.q.forget()
	return failed
}

// report tells of what failed, without the lock: who is told may write.
func (h *coalescer) report(failed []failure) {
	if h.tell == nil {
		return
	}
	for _, f := range failed {
		p := h.c.pathTo(f.s, f.t)
		h.tell(p, h.c.writeError(f.err, addrPortAddr{p.Remote}))
	}
}
