package dsrudp

// A crew is the readers of one Serve.
//
// Go learns what there is to read from its poller, which it looks at with a thread
// that has nothing else to do. A reader that is woken takes that thread with it, and
// its system calls, which are raw, never give it away. As long as its queue does not
// run empty nobody learns of what came for the others, up to 10 ms long: then the
// runtime's monitor looks. Two busy sockets were served in turn, with a processor
// idle. So a reader that is busy looks after the others.
type crew []*reader

// busy is how many datagrams a reader receives, without an end to its queue, before it
// looks after another one.
const busy = 32

// received notes that r received n datagrams. It reports whether somebody had been
// overlooked.
func (r *reader) received(n int) bool {
	if n < len(r.buffers) {
		r.streak = 0
		return false
	}
	if r.streak += n; r.streak < busy || len(r.crew) < 2 {
		return false
	}
	r.streak = 0
	if r.asked = (r.asked + 1) % len(r.crew); r.crew[r.asked] == r {
		r.asked = (r.asked + 1) % len(r.crew)
	}
	if !r.in.in.Overlooks(r.crew[r.asked].in.in) {
		return false
	}
	// Where there is an idle processor a new goroutine has the runtime wake a thread,
	// which finds nothing else to do then, and looks.
	go func() {}()
	return true
}
