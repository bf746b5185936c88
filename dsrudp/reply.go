package dsrudp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/batch"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// A ReplyWriter answers one datagram. It is given to a [Handler], and may be used any
// number of times, by any goroutines, until ServePacket returns. After that its methods
// return an error; what is written never reaches another peer. Those of the zero
// ReplyWriter return an error too.
//
// It is an io.Writer of which each Write is one datagram, and so is each fmt.Fprintf to it; an
// answer in several pieces is put together first, in a bytes.Buffer, say.
//
// What is written is copied, so that buffers are the caller's again at once.
//
// In a Server without Concurrency it is sent with the other answers of the batch, when all
// its datagrams have been served: those of one Path in the order in which they were
// written, and as one where [Conn.WritePackets] would send them so. An error of Write or
// WritePacket means that nothing will be sent: no local address is known (ErrNoPath), or
// it can never be the source here (ErrNotLocal), or there is nobody to send to (port 0, an
// unspecified address), or the payload is too long. What fails later, a local address that
// is not the host's or was withdrawn meanwhile and all that the kernel refuses, is counted
// in the Conn's Stats and given to Server.OnError.
//
// With [Server.Concurrency] it is sent at once, and every error is returned: of a Packet with
// segments some may have left then.
type ReplyWriter struct {
	call *call  // nil in one that NewReplyWriter made
	turn uint64 // of the call, see there
	hook *hook
}

// A hook is what NewReplyWriter was given.
type hook struct {
	reply Packet // what a reply of Write begins as
	send  func(reply *Packet) error
}

// NewReplyWriter returns a ReplyWriter that calls send with each reply to request instead
// of sending it, and returns send's error. It is for tests of a Handler, and for middleware:
// a Handler that sees or changes the replies of another one.
//
// The reply is a copy, buffer and all, that send may change and keep. Its Path is that of
// request, as it was in the call of NewReplyWriter, unless WritePacket was given another.
// Each reply allocates one.
//
// [ReplyWriter.Conn] returns nil: what a Conn sends would not be given to send.
func NewReplyWriter(request *Packet, send func(reply *Packet) error) ReplyWriter {
	h := &hook{reply: *request, send: send}
	h.reply.Buf, h.reply.N, h.reply.SegmentSize, h.reply.ECN = nil, 0, 0, NotECT
	h.reply.OrigDst, h.reply.Truncated, h.reply.Err = netip.Addr{}, false, nil
	return ReplyWriter{hook: h}
}

var (
	// errLate is for a ReplyWriter that was kept. By now its call may be that for another
	// peer's datagram.
	errLate = errors.New("dsrudp: ReplyWriter used after ServePacket returned")

	errNoRequest = errors.New("dsrudp: ReplyWriter used that belongs to no request")
	errNobody    = fmt.Errorf("dsrudp: a reply to port 0 or an unspecified address reaches nobody: %w", syscall.EINVAL)
)

// Conn returns the Conn that the datagram came by, for its addresses and counts, and for
// late answers: it outlives the handler. It is nil in a ReplyWriter that NewReplyWriter
// made.
func (w ReplyWriter) Conn() *Conn {
	if w.call == nil {
		return nil
	}
	return w.call.r.c
}

// Write answers with one datagram along the Path of the request. It returns
// len(b) unless there is an error.
func (w ReplyWriter) Write(b []byte) (int, error) {
	if err := w.write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (w ReplyWriter) write(b []byte) error {
	if w.call == nil {
		return w.hook.write(b)
	}
	earlier, err := w.call.write(w.turn, b)
	w.call.r.reportAll(earlier)
	return err
}

// WritePacket sends p.Buf[:p.N] along p.Path, which need not be the request's,
// with p's SegmentSize and ECN. The request itself, sent so, is echoed, its ECN
// mark too.
func (w ReplyWriter) WritePacket(p *Packet) error {
	if w.call == nil {
		return w.hook.writePacket(p)
	}
	earlier, err := w.call.writePacket(w.turn, p)
	w.call.r.reportAll(earlier)
	return err
}

func (h *hook) write(b []byte) error {
	if h == nil || h.send == nil {
		return errNoRequest
	}
	reply := h.reply
	reply.Buf, reply.N = slices.Clone(b), len(b)
	return h.send(&reply)
}

func (h *hook) writePacket(p *Packet) error {
	if h == nil || h.send == nil {
		return errNoRequest
	}
	if err := p.check(); err != nil {
		return &net.OpError{Op: "write", Net: "udp", Addr: addrPortUDPAddr{source.Unmap(p.Path.Remote)}, Err: err}
	}
	return h.send(p.Clone())
}

// A call is one call of the Handler, and memory for the next one. A reader has one, and
// with Concurrency one for each goroutine.
type call struct {
	r      *reader
	d      datagram
	packet Packet // the handler's

	// Of a goroutine: replies leave at once.
	apart  bool
	buffer []byte
	run    func() // made once, as a closure made for each call would be an allocation

	mu sync.Mutex // for turn, and for the replies while it is the ReplyWriter's
	// turn is another number as soon as the handler returns: who kept a ReplyWriter would
	// answer another peer with it.
	turn uint64
}

// serve calls the handler with the packet.
func (k *call) serve() {
	defer k.end()
	k.r.server.Handler.ServePacket(ReplyWriter{call: k, turn: k.turn}, &k.packet)
}

// end ends the turn of a handler, which may have panicked.
func (k *call) end() {
	v := recover()
	k.mu.Lock()
	k.turn++
	k.mu.Unlock()
	if v != nil {
		k.r.c.counts.panics.Add(1)
		k.r.server.logPanic(k.r.c.pathOf(&k.d), v)
	}
}

// write is ReplyWriter.Write. Earlier are replies that failed, to be reported when mu is
// free: OnError may use a ReplyWriter.
func (k *call) write(turn uint64, b []byte) (earlier []batch.Failure, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.turn != turn {
		return nil, errLate
	}
	c, unsent := k.r.c, 1
	var h source.Header
	if err = c.source.ByArrival(&k.d.From, &k.d.Arrival, &h); err == nil {
		earlier, unsent, err = k.reply(b, 0, &h)
	}
	if err != nil {
		err = c.writeError(err, unsent, addrPortUDPAddr{c.source.RemoteAddrPort(&k.d.From)})
	}
	return earlier, err
}

// writePacket is ReplyWriter.WritePacket.
func (k *call) writePacket(turn uint64, p *Packet) (earlier []batch.Failure, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.turn != turn {
		return nil, errLate
	}
	c, unsent := k.r.c, p.datagrams()
	var h source.Header
	if err = c.header(p, &h); err == nil {
		earlier, unsent, err = k.reply(p.Payload(), p.SegmentSize, &h)
	}
	if err != nil {
		err = c.writeError(err, unsent, addrPortUDPAddr{source.Unmap(p.Path.Remote)})
	}
	return earlier, err
}

// reply sends b as h says, with the batch or at once, and returns how many datagrams an
// error is of.
func (k *call) reply(b []byte, segmentSize int, h *source.Header) (earlier []batch.Failure, unsent int, err error) {
	n, longest := segments(len(b), segmentSize), len(b)
	if n > 1 {
		longest = segmentSize
	}
	to := h.Remote.AddrPort
	switch {
	case to.Port() == 0, to.Addr().IsUnspecified():
		return nil, n, errNobody
	case longest > batch.MaxDatagram:
		return nil, n, mmsg.ErrTooLong
	case k.apart:
		unsent, err = k.r.send(b, segmentSize, h)
		return nil, unsent, err
	}
	return k.r.add(b, segmentSize, h), 0, nil
}
