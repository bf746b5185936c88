package dsrudp

import (
	"slices"
	"sync"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
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
	timer *time.Timer
	armed bool // the timer runs
}

func newCoalescer(c *Conn, tell func(Path, error)) *coalescer {
	return &coalescer{c: c, tell: tell, q: c.newSender().(*sender), arena: make([]byte, 0, arenaSize)}
}

// hold takes a datagram, if there is reason to expect another one soon. An error
// is the datagram's own, which was not taken.
func (h *coalescer) hold(b []byte, s *source, t *target) (taken bool, err error) {
	h.mu.Lock()
	last := h.c.ahead.left.Load() == 0 // nobody will come to flush
	if len(b) > cap(h.arena) || last && h.items == 0 || h.c.closed.Load() {
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
	} else {
		h.arena = h.arena[:at]
	}
	switch {
	case last:
		failed = append(failed, h.send()...)
	case !h.armed:
		h.arm()
	}
	h.mu.Unlock()
	h.report(failed)
	return err == nil, err
}

// arm sees to it that nothing is held for longer than holdFor, as who reads may
// be busy. The timer is not stopped when all has been sent: under load that would
// be for each batch, and it may as well run on and send what it finds.
func (h *coalescer) arm() {
	h.armed = true
	if h.timer == nil {
		h.timer = time.AfterFunc(holdFor, h.expire)
		return
	}
	h.timer.Reset(holdFor)
}

func (h *coalescer) expire() {
	h.mu.Lock()
	h.armed = false
	failed := h.send()
	h.mu.Unlock()
	h.report(failed)
}

// flush sends what is held.
func (h *coalescer) flush() {
	h.mu.Lock()
	failed := h.send()
	h.mu.Unlock()
	h.report(failed)
}

// try sends what can be sent without waiting, for one who wants to read: he is
// not to wait for room in the send buffer, nor for another who does. What is left
// goes when the timer fires.
func (h *coalescer) try() {
	if !h.mu.TryLock() {
		return
	}
	var failed []failure
	if h.items > 0 {
		if h.q.push(mmsg.FlagDontWait) {
			failed = h.sent()
		} else if !h.armed {
			h.arm()
		}
	}
	h.mu.Unlock()
	h.report(failed)
}

// send sends what is held and returns what failed. The caller has the lock.
func (h *coalescer) send() []failure {
	if h.items == 0 {
		return nil
	}
	h.q.flush()
	return h.sent()
}

// sent begins anew and returns what failed.
func (h *coalescer) sent() []failure {
	h.items, h.arena = 0, h.arena[:0]
	failed := slices.Clone(h.q.failed)
	h.q.forget()
	return failed
}

// report tells of what failed, on a goroutine of its own: the one at hand is a
// reader's or writer's, who may have locks that whoever is told takes.
func (h *coalescer) report(failed []failure) {
	if h.tell == nil || len(failed) == 0 {
		return
	}
	go func() {
		for _, f := range failed {
			p := h.c.pathTo(f.s, f.t)
			h.tell(p, h.c.writeError(f.err, addrPortAddr{p.Remote}))
		}
	}()
}
