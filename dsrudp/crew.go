package dsrudp

import (
	"sync/atomic"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// A crew is what the readers of one Serve know of each other.
//
// Go learns what there is to read from its poller, which it looks at with a thread
// that has nothing else to do. A reader that is woken takes that thread with it, and
// its system calls never give it away, unless PlainSyscalls are asked for. As long as its
// queue does not run empty nobody learns of what came for the others, up to 10 ms long:
// then the runtime's monitor looks. Two busy sockets were served in turn, with a
// processor idle. So a reader that is busy looks after the others of its Serve.
type crew []*mmsg.Waiting

// busy is how many datagrams a reader receives, without an end to its queue, before it
// looks after another one.
const busy = 32

// A lookout is a reader's part in a crew.
type lookout struct {
	crew  crew
	own   int  // the reader's place in it
	after int  // how many places behind is whom it looked after last
	seen  uint // of the streak, when it did

	hailed atomic.Bool // and nobody came yet
	come   func()
}

// muster makes readers a crew.
func muster(readers []*reader) {
	all := make(crew, len(readers))
	for i, r := range readers {
		all[i] = r.in.in.Waiting()
		l := &r.lookout
		l.crew, l.own = all, i
		l.come = func() { l.hailed.Store(false) }
	}
}

// look looks after another reader if the own one, whose streak and Batch these are, has
// been busy since the last time. It reports whether that other one was overlooked.
func (l *lookout) look(streak uint, in *mmsg.Batch) bool {
	if streak <= l.seen {
		l.seen = 0 // it has waited: no batch is empty
	}
	if streak-l.seen < busy || len(l.crew) < 2 {
		return false
	}
	l.seen = streak
	l.after = l.after%(len(l.crew)-1) + 1
	if !in.Overlooks(l.crew[(l.own+l.after)%len(l.crew)]) {
		return false
	}
	l.hail()
	return true
}

// hail has somebody look at the poller. Where there is an idle processor a new
// goroutine has the runtime wake a thread, which looks there before it looks for
// others' work. Where there is none nobody comes soon, and one call is enough.
func (l *lookout) hail() {
	if l.hailed.CompareAndSwap(false, true) {
		go l.come()
	}
}
