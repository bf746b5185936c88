package dsrudp

import (
	"slices"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// reply takes an answer to the datagram being served.
func (r *reader) reply(b []byte) error {
	if !r.d.local.addr.IsValid() {
		return r.c.refuse(ErrNoPath)
	}
	if len(b) > maxDatagram {
		return mmsg.ErrTooLong
	}
	t := target{r.d.From, r.d.Scope}
	p := r.copy(b)
	return r.out.add(r.items, p, &r.d.local, &t, NotECT)
}

// send takes a Packet to be sent.
func (r *reader) send(p *Packet) error {
	s, t, err := r.c.way(p)
	if err != nil {
		return err
	}
	b := p.Payload()
	if p.SegmentSize == 0 || len(b) <= p.SegmentSize {
		if len(b) > maxDatagram {
			return mmsg.ErrTooLong
		}
		b = r.copy(b)
		return r.out.add(r.items, b, &s, &t, p.ECN)
	}
	if p.SegmentSize > maxDatagram {
		return mmsg.ErrTooLong
	}
	// As much of a train as can be copied at once.
	for chunk := cap(r.arena) / p.SegmentSize * p.SegmentSize; len(b) > 0; {
		n := min(chunk, len(b))
		piece := r.copy(b[:n])
		if err := r.out.addPayload(r.items, piece, p, &s, &t); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// copy returns a copy of b, which is not longer than the arena, that is good until
// flush.
func (r *reader) copy(b []byte) []byte {
	if len(r.arena)+len(b) > cap(r.arena) {
		r.flush()
	}
	at := len(r.arena)
	r.arena = append(r.arena, b...)
	r.items++
	return r.arena[at:]
}

// flush sends the answers taken so far.
func (r *reader) flush() {
	if r.items == 0 {
		return
	}
	r.out.flush()
	r.items, r.arena = 0, r.arena[:0]
	if len(r.out.failed) == 0 {
		return
	}
	failed := slices.Clone(r.out.failed)
	r.out.forget() // first: OnError may panic
	for _, f := range failed {
		p := r.c.pathTo(f.s, f.t)
		r.report(p, r.c.writeError(f.err, addrPortAddr{p.Remote}))
	}
}
