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
)

// A serverReader serves one Conn for a Server.
type serverReader struct {
	srv *Server
	c   *Conn
	in  *batchReceiver
	out outbox

	watch pollerWatch

	buffers [][]byte
	i       int    // the datagram being served
	whole   Packet // it
	off     int    // where in it, if it is a train to be taken apart
	seg     int    // whose datagrams are that long; 0 if it is none
	part    Packet // of the train

	// turn is another number as soon as the handler returns: who kept a
	// ReplyWriter would answer another peer with it.
	turn atomic.Uint64
}

func newServerReader(s *Server, c *Conn) *serverReader {
	n := s.BatchSize
	if n == 0 {
		n = maxBatch
	}
	r := &serverReader{
		srv:     s,
		c:       c,
		in:      c.newBatchReceiver(n),
		out:     c.newOutbox(),
		buffers: newBuffers(n),
	}
	for i, b := range r.buffers {
		r.in.batch.SetBuffer(i, b)
	}
	r.out.within(r.in.batch)
	return r
}

// run reads until the Conn is closed or the Server is shut down. The goroutine
// may end in a handler too (runtime.Goexit).
func (r *serverReader) run() error {
	defer r.flush()
	pause := time.Duration(0)
	batch := func(n int) bool {
		pause = 0
		r.watch.look(r.in.batch.Streak(), r.in.batch)
		r.serve(n)
		return !r.srv.stop.Load() && !r.c.closed.Load()
	}
	for {
		err := r.in.batch.Loop(batch)
		switch {
		case r.c.closed.Load():
			return net.ErrClosed
		case r.srv.stop.Load():
			return r.drain()
		case errors.Is(err, os.ErrDeadlineExceeded):
			return r.c.readError(err)
		case err == nil:
			continue
		}
		// A connected socket's peer refused a datagram, or memory is short:
		// the next read may go well. If none does, that is not to become a
		// busy loop.
		r.report(Path{}, r.c.readError(err))
		select {
		case <-r.c.ended:
		case <-time.After(pause):
		}
		pause = min(max(2*pause, time.Millisecond), time.Second)
	}
}

// drain serves what is queued.
func (r *serverReader) drain() error {
	for failed := false; !r.c.closed.Load(); {
		n, err := r.in.batch.Poll(len(r.buffers))
		if err != nil && !failed {
			// It may be one that run goes on after: a connected peer refused
			// what was sent, and the queue is behind that.
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

// serve serves a batch of n datagrams and sends the answers. Close ends it.
func (r *serverReader) serve(n int) {
	r.c.readPeers(r.in, n)
	for r.i, r.off = 0, 0; r.i < n && !r.c.closed.Load(); {
		r.serveRest(n)
	}
	r.flush()
}

// serveRest serves the datagrams from r.i on. A panic ends it, with r.i at the
// next one.
func (r *serverReader) serveRest(n int) {
	calling := false
	defer func() {
		if !calling {
			return
		}
		if v := recover(); v != nil {
			r.panicked(v)
		}
		r.turn.Add(1)
		r.next()
	}()
	turn := r.turn.Load()
	for r.i < n && !r.c.closed.Load() {
		if r.off == 0 {
			r.take()
		}
		p := r.packet()
		calling = true
		r.srv.Handler.ServePacket(ReplyWriter{r, turn}, p)
		calling = false
		turn = r.turn.Add(1)
		r.next()
	}
}

// take looks at datagram r.i.
func (r *serverReader) take() {
	r.whole.Buf = r.buffers[r.i]
	r.c.fillPacket(r.in, r.i, &r.whole)
	r.seg = 0
	if !r.srv.Trains {
		r.seg = r.whole.SegmentSize
	}
}

// packet returns what to call the handler with, which is the handler's to change.
func (r *serverReader) packet() *Packet {
	if r.seg == 0 {
		return &r.whole
	}
	end := min(r.off+r.seg, r.in.size)
	r.part = r.whole
	r.part.SegmentSize = 0
	r.part.Buf = r.whole.Buf[r.off:end:end]
	r.part.N = end - r.off
	return &r.part
}

// next goes on to the next datagram, which may be in the same train.
func (r *serverReader) next() {
	if r.seg > 0 {
		if r.off += r.seg; r.off < r.in.size {
			return
		}
	}
	r.i++
	r.off = 0
}

func (r *serverReader) panicked(v any) {
	r.c.count.panics.Add(1)
	log := r.srv.ErrorLog
	if log == nil {
		log = slog.Default()
	}
	log.Error("dsrudp: panic in a Handler", "path", r.in.path().String(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
}

func (r *serverReader) report(p Path, err error) {
	if r.srv.OnError != nil {
		r.srv.OnError(p, err)
	}
}
