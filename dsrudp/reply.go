package dsrudp

import (
	"errors"

	"github.com/dsrudp/go-dsrudp/internal/source"
)

// A ReplyWriter answers one datagram. It is given to a [Handler] and is of no use
// elsewhere. It may be used any number of times until ServePacket returns, by the
// goroutine that was called; after that its methods return an error. It is not for
// other goroutines: they race with the reader.
//
// What is written is copied, so that buffers are the caller's again at once, and
// is sent with the other answers of the batch, when all its datagrams have been
// served: those of one Path in the order in which they were written, and as one where
// [Conn.WritePackets] would send them so. An error of Write or WritePacket means that
// nothing will be sent: no local address is known (ErrNoPath), or it can never be the
// source here (ErrNotLocal), or the payload is too long. What fails later, a local address
// that is not the host's or was withdrawn meanwhile and all that the kernel refuses, is
// counted in the Conn's Stats and given to Server.OnError.
type ReplyWriter struct {
	r    *reader
	turn uint64 // of the reader, see there
}

// errLate is for a ReplyWriter that was kept. By now the reader may be at another
// peer's datagram.
var errLate = errors.New("dsrudp: ReplyWriter used after ServePacket returned")

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
	var h source.Header
	err := r.c.source.ByArrival(&r.d.From, &r.d.Arrival, &h)
	if err == nil {
		err = r.add(b, 0, &h)
	}
	if err != nil {
		return 0, r.c.writeError(err, 1, addrPortUDPAddr{r.c.source.RemoteAddrPort(&r.d.From)})
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
	var h source.Header
	err := r.c.header(p, &h)
	if err == nil {
		err = r.add(p.Payload(), p.SegmentSize, &h)
	}
	if err != nil {
		return r.c.writeError(err, p.datagrams(), addrPortUDPAddr{unmap(p.Path.Remote)})
	}
	return nil
}
