package dsrudp

import "errors"

// A Handler answers datagrams for a [Server].
//
// ServePacket is called on the goroutine that reads the Conn, once for each
// datagram, in the order in which they came; while it runs that Conn is not
// read. Work that takes long or waits belongs into another goroutine, with a
// [Packet.Clone]. Conns of one Server have a goroutine each, so that a Handler
// is called by several at once.
//
// W and p, p's buffer included, are the handler's until it returns. If it panics
// that is logged and counted, and the next datagram is served.
type Handler interface {
	ServePacket(w ReplyWriter, p *Packet)
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(w ReplyWriter, p *Packet)

// ServePacket calls f.
func (f HandlerFunc) ServePacket(w ReplyWriter, p *Packet) { f(w, p) }

// A ReplyWriter answers one datagram. It may be used any number of times until
// ServePacket returns, and only by the goroutine that was called.
//
// What is written is copied, so that buffers are the caller's again at once, and
// is sent with the other answers of the batch, when all its datagrams have been
// served. An error of Write or WritePacket means that nothing will be sent: no
// local address is known (ErrNoPath) or it is none (ErrNotLocal). What the kernel
// says later is counted in the Conn's Stats and told to Server.OnError.
type ReplyWriter interface {
	// Write answers with one datagram along the Path of the request. It
	// returns len(b) unless there is an error.
	Write(b []byte) (int, error)

	// WritePacket sends p.Buf[:p.N] along p.Path, which need not be the
	// request's, with p's SegmentSize and ECN. The request itself, sent so,
	// is echoed.
	WritePacket(p *Packet) error

	// Conn returns the Conn that the datagram came by. It outlives the
	// handler: a late answer is a WritePacket on it, with the Path of the
	// request.
	Conn() *Conn
}

// errLate is for a ReplyWriter that was kept. By then it may be another
// datagram's.
var errLate = errors.New("dsrudp: ReplyWriter used after ServePacket returned; take Conn() before, and answer with its WritePacket and the Packet's Path")

// reply is the ReplyWriter of one element of a batch.
type reply struct {
	r      *reader
	d      datagram
	active bool
}

func (w *reply) Conn() *Conn { return w.r.c }

func (w *reply) Write(b []byte) (int, error) {
	if !w.active {
		return 0, errLate
	}
	err := w.r.reply(b, &w.d.local, &target{w.d.From, w.d.Scope})
	if err != nil {
		return 0, w.r.c.writeError(err, addrPortAddr{w.r.c.remote(&w.d)})
	}
	return len(b), nil
}

func (w *reply) WritePacket(p *Packet) error {
	if !w.active {
		return errLate
	}
	if err := w.r.send(p); err != nil {
		return w.r.c.writeError(err, addrPortAddr{p.Path.Remote})
	}
	return nil
}
