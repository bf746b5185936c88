package dsrudp

import "errors"

// A ReplyWriter answers one datagram. It is given to a [Handler] and has no use
// elsewhere. It may be used any number of times until ServePacket returns, by the
// goroutine that was called; after that its methods return an error. It is not for
// other goroutines: they race with the reader.
//
// What is written is copied, so that buffers are the caller's again at once, and
// is sent with the other answers of the batch, when all its datagrams have been
// served: those of one Path in the order in which they were written, and as one where
// [Conn.WritePackets] would send them so. An error of Write or WritePacket means that
// nothing will be sent: no local address is known (ErrNoPath), or for IPv6 it is none
// (ErrNotLocal), or the payload is too long. What the kernel says later, for IPv4 also
// that the local address is none, and that it was withdrawn meanwhile, is counted in the
// Conn's Stats and told to Server.OnError.
type ReplyWriter struct {
	r    *serverReader
	turn uint64 // of the reader, see there
}

// errLate is for a ReplyWriter that was kept. By now the reader may be at another
// peer's datagram.
var errLate = errors.New("dsrudp: ReplyWriter used after ServePacket returned; take Conn() before, and answer with its WriteToPath and the Packet's Path")

// Conn returns the Conn that the datagram came by. It outlives the handler: a
// late answer is a WriteToPath on it, with the Path of the request.
func (w ReplyWriter) Conn() *Conn { return w.r.c }

// Write answers with one datagram along the Path of the request. It returns
// len(b) unless there is an error.
func (w ReplyWriter) Write(b []byte) (int, error) {
	r := w.r
	if r.turn.Load() != w.turn {
		return 0, errLate
	}
	if err := r.reply(b); err != nil {
		return 0, r.c.unsent(err, 1, addrPortAddr{r.c.zoned(r.in.peer.addr, r.in.peer.scope)})
	}
	return len(b), nil
}

// WritePacket sends p.Buf[:p.N] along p.Path, which need not be the request's,
// with p's SegmentSize and ECN. The request itself, sent so, is echoed, its ECN
// mark too.
func (w ReplyWriter) WritePacket(p *Packet) error {
	r := w.r
	if r.turn.Load() != w.turn {
		return errLate
	}
	if err := r.send(p); err != nil {
		return r.c.unsent(err, p.datagrams(), addrPortAddr{p.Path.Remote})
	}
	return nil
}
