package dsrudp

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/batch"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// A reader serves one Conn for a Server: it receives a batch, calls the handler for each
// datagram, or starts a goroutine that does, and sends the replies as a batch.
type reader struct {
	server *Server
	c      *Conn
	in     *mmsg.In
	out    *batch.Sender

	buffers [][]byte
	whole   Packet // of several datagrams, before it is split
	call    call   // of the handler, on this goroutine
	replies int    // since the last flush

	// With Concurrency.
	handlers sync.WaitGroup // in progress
	calls    sync.Pool      // of *call
	sending  sync.Mutex     // for out: so all wait together where there is no room
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
	r.call.r = r
	r.calls.New = func() any {
		k := &call{r: r, apart: true}
		k.run = k.serveApart
		return k
	}
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

// run reads until the Conn is closed or the Server is shut down, and returns when no
// handler is in progress. The goroutine may end in a handler too (runtime.Goexit).
func (r *reader) run() error {
	defer func() {
		r.handlers.Wait()
		r.flush()
	}()
	failed := 0
	batch := func(n int) bool {
		failed = 0
		r.serve(n)
		return !r.server.stop.Load() && !r.c.closed.Load()
	}
	for {
		err := r.in.Loop(batch)
		switch {
		case r.c.closed.Load(), errors.Is(err, net.ErrClosed): // as by the *net.UDPConn that NewConn took over
			return r.c.readError(net.ErrClosed)
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
			time.Sleep(time.Millisecond) // not a busy loop
		}
	}
}

const (
	// minDatagram is less than the memory in bytes that the kernel counts for any datagram
	// in a receive buffer. (For an empty one over lo it was 832, on amd64.)
	minDatagram = 512
	// maxQueued is how many datagrams drain serves where the system does not say what is
	// queued: what a receive buffer of 2 MB holds of the smallest.
	maxQueued = 1 << 12
)

// drain serves what is queued now. What comes meanwhile cannot be told from it, and may
// come faster than it can be served, so that drain goes by the number.
func (r *reader) drain() error {
	left := maxQueued
	// The error is the socket's being closed.
	_ = r.c.sock.Control(func(fd uintptr) error {
		if bytes, _, ok := mmsg.Queue(fd); ok {
			left = int(bytes / minDatagram)
		}
		return nil
	})
	failed := 0 // in a row; the queue is behind the error, as in run
	for left > 0 && !r.c.closed.Load() {
		n, err := r.in.Poll()
		switch {
		case err != nil:
			r.report(Path{}, r.c.readError(err))
			if failed++; failed > maxReadErrors {
				return err
			}
		case n == 0:
			return nil
		default:
			failed = 0
			r.serve(n)
			left -= n
		}
	}
	return nil
}

// serve serves a batch of n datagrams and sends the replies. Close ends it.
func (r *reader) serve(n int) {
	own := r.server.own.Load()
	k := &r.call
	datagrams, bytes := 0, 0
	defer func() { r.c.counts.received.add(datagrams, bytes) }() // also after runtime.Goexit
	for i := 0; i < n && !r.c.closed.Load(); i++ {
		k.d = datagram{}
		came := r.c.message(r.in, i, &k.d)
		datagrams += came
		bytes += k.d.N
		if own.sent(r.c, &k.d) {
			r.c.counts.self.Add(uint64(came))
			continue
		}
		if k.d.SegmentSize == 0 {
			k.packet.fill(r.c, r.buffers[i], &k.d)
			r.handle()
			continue
		}
		r.whole.fill(r.c, r.buffers[i], &k.d)
		for payload := range r.whole.Segments() {
			if r.c.closed.Load() {
				break
			}
			k.packet = r.whole
			k.packet.Buf, k.packet.N, k.packet.SegmentSize = payload, len(payload), 0
			r.handle()
		}
	}
	r.flush()
}

// handle calls the handler, or starts a goroutine that does as soon as there is a place for
// one.
func (r *reader) handle() {
	if r.server.Concurrency == 0 {
		r.call.serve()
		return
	}
	select {
	case r.server.places <- struct{}{}:
		if r.c.closed.Load() { // the place was the handler's that called Close
			<-r.server.places
			return
		}
	case <-r.c.gone: // by Close
		return
	}
	k := r.calls.Get().(*call)
	k.d, k.packet = r.call.d, r.call.packet
	k.buffer = append(k.buffer[:0], k.packet.Payload()...)
	k.packet.Buf = k.buffer
	r.handlers.Add(1)
	go k.run()
}

// serveApart is serve in a goroutine. The handler may end it (runtime.Goexit).
func (k *call) serveApart() {
	defer func() {
		r := k.r
		k.packet = Packet{} // which may have the handler's memory
		r.calls.Put(k)
		<-r.server.places
		r.handlers.Done()
	}()
	k.serve()
}

// send sends a reply with a copy of b at once, and returns how many datagrams an error is
// of.
func (r *reader) send(b []byte, segmentSize int, h *source.Header) (unsent int, err error) {
	r.sending.Lock()
	defer r.sending.Unlock()
	r.out.AddCopy(0, b, segmentSize, h)
	failures := r.c.flush(r.out)
	for _, f := range failures {
		unsent, err = unsent+f.Datagrams, f.Err
	}
	return unsent, err
}

// maxReplies bounds how many replies are gathered, and so how many failures wait to be
// reported: payloads may be empty, and fill no memory.
const maxReplies = 1 << 10

// add adds a reply with a copy of b to the batch. It returns those that failed if the
// batch had to be sent before.
func (r *reader) add(b []byte, segmentSize int, h *source.Header) (earlier []batch.Failure) {
	if r.replies == maxReplies {
		earlier = r.c.flush(r.out)
		r.replies = 0
	}
	r.replies++
	r.out.AddCopy(r.replies, b, segmentSize, h)
	return earlier
}

// flush sends the replies gathered.
func (r *reader) flush() {
	if r.replies == 0 {
		return
	}
	r.replies = 0
	r.reportAll(r.c.flush(r.out))
}

// reportAll counts and reports replies that were not sent.
func (r *reader) reportAll(failures []batch.Failure) {
	for i := range failures {
		f := &failures[i]
		p := Path{r.c.source.LocalAddrPort(&f.Header.Local), r.c.source.RemoteAddrPort(&f.Header.Remote)}
		r.report(p, r.c.writeError(f.Err, f.Datagrams, addrPortUDPAddr{p.Remote}))
	}
}

// report reports a reply that was not sent, or with a zero Path a failed read.
func (r *reader) report(p Path, err error) {
	if r.server.OnError == nil {
		r.server.logFailure(p, err)
		return
	}
	r.server.OnError(p, err)
}
