package dsrudp

import (
	"sync/atomic"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// A pollerWatch is how a reader that is busy sees to it that Go's poller is looked at
// for the other readers of its Serve.
//
// Go learns what there is to read from its poller, which it looks at with a thread
// that has nothing else to do. A reader that is woken takes that thread with it, and
// its system calls never give it away, unless PlainSyscalls are asked for. As long as its
// queue does not run empty nobody learns of what came for the others, up to 10 ms long:
// then the runtime's monitor looks. Two busy sockets were served in turn, with a
// processor idle.
type pollerWatch struct {
	waits  readersWaiting
	self   int  // the reader's place in it
	last   int  // how many places behind is whom it looked after last
	streak uint // how long its own was then

	started atomic.Bool // a goroutine to wake a thread, which has not run yet
	run     func()      // what that one does
}

// readersWaiting tells of each reader of one Serve whether it waits for datagrams. It
// is not the readers: one that has ended is not to be kept by the others.
type readersWaiting []*mmsg.Waiting

// busyStreak is how many datagrams a reader receives, without an end to its queue,
// before it looks after another one.
const busyStreak = 32

// watchPoller has readers, which are those of one Serve, know of each other.
func watchPoller(readers []*serverReader) {
	waits := make(readersWaiting, len(readers))
	for i, r := range readers {
		waits[i] = r.in.batch.Waiting()
		w := &r.watch
		w.waits, w.self = waits, i
		w.run = func() { w.started.Store(false) }
	}
}

// look looks after another reader if the own one, whose streak and batch these are, has
// been busy since the last time. It reports whether that other one was overlooked.
func (w *pollerWatch) look(streak uint, batch *mmsg.InBatch) bool {
	if streak <= w.streak {
		w.streak = 0 // it has waited: no batch is empty
	}
	if streak-w.streak < busyStreak || len(w.waits) < 2 {
		return false
	}
	w.streak = streak
	w.last = w.last%(len(w.waits)-1) + 1
	if !batch.Overlooks(w.waits[(w.self+w.last)%len(w.waits)]) {
		return false
	}
	w.wakeThread()
	return true
}

// wakeThread has a thread look at the poller. Where there is an idle processor a new
// goroutine has the runtime wake a thread, which looks there before it looks for
// others' work. Where there is none no thread comes soon, and one goroutine is enough.
func (w *pollerWatch) wakeThread() {
	if w.started.CompareAndSwap(false, true) {
		go w.run()
	}
}
