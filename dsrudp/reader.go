package dsrudp

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/batch"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// A reader serves one Conn for a Server: it receives a batch, calls the handler for each
// datagram, and sends the replies as a batch.
type reader struct {
	server *Server
	c      *Conn
	in     *mmsg.In
	out    *batch.Sender

	buffers [][]byte
	d       datagram // that is being served
	whole   Packet   // of several datagrams, before it is split
	packet  Packet   // the one that the handler has
	replies int      // since the last flush

	// turn is another number as soon as the handler returns: who kept a
	// ReplyWriter would answer another peer with it.
	turn atomic.Uint64
}

// patience bounds the wait for room in the send buffer: datagrams for neighbours that do
// not answer can fill it for seconds, and all clients wait for the reader.
const patience = 100 * time.Millisecond

func newReader(s *Server, c *Conn) *reader {
	n := s.BatchSize
	if n == 0 {
		n = maxBatchSize
	}
	n = min(n, mmsg.MaxIn)
	r := &reader{server: s, c: c, in: c.newIn(n), out: c.newSender(), buffers: newBuffers(n)}
	r.out.Patience = patience
	for i, b := range r.buffers {
		r.in.SetBuffer(i, b)
	}
	return r
}

// bufferStride is the distance between the buffers of a batch that receives datagrams
// of any length. It is not a power of two: buffers that begin at the same place
// of their page compete for the same lines of the processor's caches.
const bufferStride = 1<<16 + 5*64

// newBuffers returns n buffers that any datagram, or what GRO joins, fits into.
func newBuffers(n int) [][]byte {
	memory := make([]byte, n*bufferStride)
	bs := make([][]byte, n)
	for i := range bs {
		bs[i] = memory[i*bufferStride:][: 1<<16 : 1<<16]
	}
	return bs
}

// maxReadErrors is how many reads may fail in a row before the reader makes pauses.
const maxReadErrors = 16

// run reads until the Conn is closed or the Server is shut down. The goroutine
// may end in a handler too (runtime.Goexit).
func (r *reader) run() error {
	defer r.flush()
	failed := 0
	batch := func(n int) bool {
		failed = 0
		r.serve(n)
		return !r.server.stop.Load() && !r.c.closed.Load()
	}
	for {
		err := r.in.Loop(batch)
		switch {
		case r.c.closed.Load():
			return net.ErrClosed
		case r.server.stop.Load():
			return r.drain()
		case errors.Is(err, os.ErrDeadlineExceeded):
			return r.c.readError(err)
		case err == nil:
			continue
		}
		// A connected socket's peer refused a datagram, or memory is short. The read
		// has consumed the error, and what is queued is behind it.
		r.report(Path{}, r.c.readError(err))
		if failed++; failed > maxReadErrors {
			select {
			case <-r.c.ending:
			case <-time.After(time.Millisecond): // not a busy loop
			}
		}
	}
}

// drain serves what is queued.
func (r *reader) drain() error {
	for failed := false; !r.c.closed.Load(); {
		n, err := r.in.Poll()
		if err != nil && !failed {
			// It may be one that run goes on after, with the queue behind it.
			failed = true
			r.report(Path{}, r.c.readError(err))
			continue
		}
		if n == 0 {
			return err
		}
		failed = false
		r.serve(n)
	}
	return nil
}

// serve serves a batch of n datagrams and sends the replies. Close ends it.
func (r *reader) serve(n int) {
	for i := 0; i < n && !r.c.closed.Load(); i++ {
		r.d = datagram{}
		r.c.message(r.in, i, &r.d)
		if r.d.SegmentSize == 0 {
			r.packet.fill(r.c, r.buffers[i], &r.d)
			r.handle()
			continue
		}
		r.whole.fill(r.c, r.buffers[i], &r.d)
		for payload := range r.whole.Segments() {
			if r.c.closed.Load() {
				break
			}
			r.packet = r.whole
			r.packet.Buf, r.packet.N, r.packet.SegmentSize = payload, len(payload), 0
			r.handle()
		}
	}
	r.flush()
}

// handle calls the handler with the packet.
func (r *reader) handle() {
	defer r.handled()
	r.server.Handler.ServePacket(ReplyWriter{r, r.turn.Load()}, &r.packet)
}

// handled ends the turn of a handler, which may have panicked.
func (r *reader) handled() {
	if v := recover(); v != nil {
		r.c.counts.panics.Add(1)
		log := r.server.ErrorLog
		if log == nil {
			log = slog.Default()
		}
		log.Error("dsrudp: panic in a Handler", "path", r.c.pathOf(&r.d).String(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	}
	r.turn.Add(1)
}

// maxReplies bounds how many replies are gathered, and so how many failures wait to be
// reported: payloads may be empty, and fill no memory.
const maxReplies = 1 << 10

// add gathers a reply with a copy of b.
func (r *reader) add(b []byte, segmentSize int, h *source.Header) error {
	longest := len(b)
	if segmentSize > 0 {
		longest = min(longest, segmentSize)
	}
	if longest > batch.MaxDatagram {
		return mmsg.ErrTooLong
	}
	if r.replies == maxReplies {
		r.flush()
	}
	r.replies++
	r.out.AddCopy(r.replies, b, segmentSize, h)
	return nil
}

// flush sends the replies gathered.
func (r *reader) flush() {
	if r.replies == 0 {
		return
	}
	r.replies = 0
	_, failures := r.out.Flush()
	for i := range failures {
		f := &failures[i]
		p := Path{r.c.source.LocalAddrPort(&f.Header.Local), r.c.source.RemoteAddrPort(&f.Header.Remote)}
		r.report(p, r.c.writeError(f.Err, f.Datagrams, addrPortUDPAddr{p.Remote}))
	}
}

func (r *reader) report(p Path, err error) {
	if r.server.OnError != nil {
		r.server.OnError(p, err)
	}
}
