package dsrudp

// arenaSize is the memory for payloads on their way out, in bytes: enough for
// the largest message there is.
const arenaSize = 1 << 16

// An outbox is a sender for those who have gone on when their datagrams leave. It
// keeps copies of the payloads, and tells afterwards what was not sent.
type outbox struct {
	*sender
	arena []byte
	items int // taken since the last time it was emptied
}

func (c *Conn) newOutbox() outbox {
	return outbox{sender: c.newSender().(*sender), arena: make([]byte, 0, arenaSize)}
}

// fits reports whether there is memory for n bytes more.
func (x *outbox) fits(n int) bool { return len(x.arena)+n <= cap(x.arena) }

// copy returns a copy of b, which fits, that is good until emptied, and counts an
// item: its number is items.
func (x *outbox) copy(b []byte) []byte {
	at := len(x.arena)
	x.arena = append(x.arena, b...)
	x.items++
	return x.arena[at:]
}

// uncopy takes back the last copy, p.
func (x *outbox) uncopy(p []byte) {
	x.arena = x.arena[:len(x.arena)-len(p)]
	x.items--
}

// A lateError is what somebody is told of a datagram that was not sent after the
// call that took it had returned.
type lateError struct {
	path Path
	err  error
}

// emptied begins anew after a flush, and returns what failed. It is to be told
// afterwards: whoever is told may panic, or send.
func (x *outbox) emptied() (late []lateError) {
	x.items, x.arena = 0, x.arena[:0]
	for _, f := range x.failed {
		p := x.c.pathTo(f.s, f.t)
		late = append(late, lateError{p, x.c.writeErrors(f.err, f.n, addrPortAddr{p.Remote})})
	}
	x.forget()
	return late
}
