package dsrudp

import (
	"sync"
	"time"
)

// holdFor is the longest that a datagram is held.
const holdFor = time.Millisecond

// A coalescer holds back datagrams that were written, to send several with one
// system call.
type coalescer struct {
	c    *Conn
	tell func(Path, error) // or nil

	mu    sync.Mutex
	out   outbox
	timer *time.Timer
	armed bool // the timer runs
}

func newCoalescer(c *Conn, tell func(Path, error)) *coalescer {
	return &coalescer{c: c, tell: tell, out: c.newOutbox()}
}

// hold takes a datagram, if there is reason to expect another one soon. An error
// is the datagram's own, which was not taken.
func (h *coalescer) hold(b []byte, s *source, t *target) (taken bool, err error) {
	h.mu.Lock()
	last := h.c.ahead.left.Load() == 0 // nobody will come to flush
	if len(b) > arenaSize || last && h.out.items == 0 || h.c.closed.Load() {
		h.mu.Unlock()
		return false, nil
	}
	var late []failure
	if !h.out.fits(len(b)) || h.out.items == maxBatch {
		late = h.send()
	}
	p := h.out.copy(b)
	if err = h.out.add(h.out.items, p, s, t, NotECT); err != nil {
		h.out.uncopy(p)
	}
	switch {
	case last:
		late = append(late, h.send()...)
	case !h.armed:
		h.arm()
	}
	h.mu.Unlock()
	h.report(late)
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
	late := h.send()
	h.mu.Unlock()
	h.report(late)
}

// flush sends what is held.
func (h *coalescer) flush() {
	h.mu.Lock()
	late := h.send()
	h.mu.Unlock()
	h.report(late)
}

// try sends what can be sent without waiting, for one who wants to read: he is
// not to wait for room in the send buffer, nor for another who does. What is left
// goes when the timer fires. (Net's sends, which other systems than Linux have, do wait.)
func (h *coalescer) try() {
	if !h.mu.TryLock() {
		return
	}
	var late []failure
	if h.out.items > 0 {
		if h.out.push(false) {
			late = h.out.emptied()
		} else if !h.armed {
			h.arm()
		}
	}
	h.mu.Unlock()
	h.report(late)
}

// send sends what is held and returns what failed. The caller has the lock.
func (h *coalescer) send() []failure {
	if h.out.items == 0 {
		return nil
	}
	h.out.flush()
	return h.out.emptied()
}

// close sends what is held. Whoever waits for room in the send buffer, this too, does so
// for holdFor at most from now on. On Linux what need not wait is sent even if that has
// passed.
func (h *coalescer) close() {
	_ = h.c.sock.SetWriteDeadline(time.Now().Add(holdFor))
	h.mu.Lock()
	if !h.out.push(false) {
		h.out.flush()
	}
	late := h.out.emptied()
	h.mu.Unlock()
	h.report(late)
}

// report tells of what failed, on a goroutine of its own: the one at hand is a
// reader's or writer's, who may have locks that whoever is told takes.
func (h *coalescer) report(late []failure) {
	if h.tell == nil || len(late) == 0 {
		return
	}
	go h.c.tell(late, h.tell)
}
