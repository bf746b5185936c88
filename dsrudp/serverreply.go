package dsrudp

import "github.com/dsrudp/go-dsrudp/internal/mmsg"

// reply takes an answer to the datagram being served.
func (r *serverReader) reply(b []byte) error {
	s, t := &r.in.info.local, &r.in.peer.target
	if !s.addr.IsValid() {
		return ErrNoPath
	}
	if len(b) > maxDatagram {
		return mmsg.ErrTooLong
	}
	p := r.copy(b)
	return r.out.add(r.out.items, p, s, t, NotECT)
}

// send takes a Packet to be sent.
func (r *serverReader) send(p *Packet) error {
	var s source
	var t target
	if err := r.c.endpoints(p, &s, &t); err != nil {
		return err
	}
	b := p.Payload()
	if p.SegmentSize == 0 || len(b) <= p.SegmentSize {
		if len(b) > maxDatagram {
			return mmsg.ErrTooLong
		}
		b = r.copy(b)
		return r.out.add(r.out.items, b, &s, &t, p.ECN)
	}
	if p.SegmentSize > maxDatagram {
		return mmsg.ErrTooLong
	}
	// As much of a train as can be copied at once.
	chunk := arenaSize / p.SegmentSize * p.SegmentSize
	for rest := b; len(rest) > 0; {
		n := min(chunk, len(rest))
		piece := r.copy(rest[:n])
		err := r.out.addPayload(r.out.items, piece, p, &s, &t)
		if err != nil && len(rest) < len(b) {
			// The source was withdrawn since the first piece, which may have left.
			r.out.failed = append(r.out.failed, failure{r.out.items, pieces(len(rest), p.SegmentSize), true, s, t, err})
			return nil
		}
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// copy returns a copy of b that is good until flush.
func (r *serverReader) copy(b []byte) []byte {
	if !r.out.fits(len(b)) {
		r.flush()
	}
	return r.out.copy(b)
}

// flush sends the answers taken so far.
func (r *serverReader) flush() {
	if r.out.items == 0 {
		return
	}
	r.out.flush()
	r.c.tell(r.out.emptied(), r.report)
}
