package dsrudp

// arenaSize is the memory for payloads on their way out, in bytes: enough for
// the largest message there is.
const arenaSize = 1 << 16

// maxItems bounds what an outbox may have to tell of, as payloads may be empty.
const maxItems = 1 << 10

// An outbox is a batchSender for those who have gone on when their datagrams leave. It
// keeps copies of the payloads, and tells afterwards what was not sent.
type outbox struct {
	*batchSender
	arena []byte
	items int // taken since the last time it was emptied
}

func (c *Conn) newOutbox() outbox {
	return outbox{batchSender: c.newBatchSender().(*batchSender), arena: make([]byte, 0, arenaSize)}
}

// fits reports whether there is memory for n bytes more, and for another item.
func (x *outbox) fits(n int) bool { return len(x.arena)+n <= cap(x.arena) && x.items < maxItems }

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

// emptied begins anew after a flush, and returns what failed, which is counted.
// An item of which several datagrams failed is in it once.
func (x *outbox) emptied() (late []failure) {
	x.items, x.arena = 0, x.arena[:0]
	var trains map[int]bool // that are in late
	for _, f := range x.failed {
		x.c.countUnsent(f.err, f.n)
		if f.train {
			if trains[f.item] {
				continue
			}
			if trains == nil {
				trains = make(map[int]bool)
			}
			trains[f.item] = true
		}
		late = append(late, f)
	}
	x.forget()
	return late
}

// tell tells of what was not sent after the call that took it had returned. Who is
// told may panic, or send.
func (c *Conn) tell(late []failure, who func(Path, error)) {
	for _, f := range late {
		p := c.pathTo(f.s, f.t)
		who(p, c.opError(f.err, addrPortAddr{p.Remote}))
	}
}
