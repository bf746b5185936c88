package dsrudp

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// A reader serves one Conn for a Server.
type reader struct {
	srv *Server
	c   *Conn
	in  *receiver
	out *sender

	packets []Packet
	buffers [][]byte
	replies []reply
	i       int // the datagram being served
	off     int // where in it, if it is a train to be taken apart
	seg     int // whose datagrams are that long; 0 if it is none
	part    Packet

	arena []byte // payloads on their way out
	items int
}

func newReader(s *Server, c *Conn) *reader {
	n := s.BatchSize
	if n == 0 {
		n = maxBatch
	}
	r := &reader{
		srv:     s,
		c:       c,
		in:      c.newReceiver(n),
		out:     c.newSender().(*sender),
		packets: make([]Packet, n),
		buffers: slots(n),
		replies: make([]reply, n),
		arena:   make([]byte, 0, arenaSize),
	}
	for i, b := range r.buffers {
		r.in.in.SetBuffer(i, b)
		r.replies[i].r = r
	}
	r.out.out.Within(r.in.in)
	return r
}

// run reads until the Conn is closed or the Server is shut down. The goroutine
// may end in a handler too (runtime.Goexit).
func (r *reader) run() error {
	batch := func(n int) bool {
		r.serve(n)
		return !r.srv.stop.Load() && !r.c.closed.Load()
	}
	pause := time.Duration(0)
	for {
		err := r.in.in.Loop(batch)
		switch {
		case r.c.closed.Load():
			return net.ErrClosed
		case r.srv.stop.Load():
			return r.drain()
		case errors.Is(err, os.ErrDeadlineExceeded):
			return r.c.readError(err)
		case err == nil:
			pause = 0
			continue
		}
		// A connected socket's peer refused a datagram, or memory is short:
		// the next read may go well. If none does, that is not to become a
		// busy loop.
		r.report(Path{}, r.c.readError(err))
		time.Sleep(pause)
		pause = min(max(2*pause, time.Millisecond), time.Second)
	}
}

// wake ends a wait for datagrams.
func (r *reader) wake() {
	r.c.life.Lock()
	defer r.c.life.Unlock()
	r.c.woken = true
	_ = r.c.conn.SetReadDeadline(past) // the error is its being closed
}

// drain serves what is queued.
func (r *reader) drain() error {
	for !r.srv.hurry.Load() && !r.c.closed.Load() {
		n, err := r.in.in.Poll(len(r.packets))
		if n == 0 || err != nil {
			return err
		}
		r.serve(n)
	}
	return nil
}

// serve serves a batch of n datagrams and sends the answers.
func (r *reader) serve(n int) {
	for r.i, r.off = 0, 0; r.i < n; {
		r.serveRest(n)
	}
	r.flush()
}

// serveRest serves the datagrams from r.i on. A panic ends it, with r.i at the
// next one.
func (r *reader) serveRest(n int) {
	defer func() {
		if r.i == n {
			return
		}
		if v := recover(); v != nil {
			r.panicked(v)
		}
		r.replies[r.i].active = false
		r.next()
	}()
	for r.i < n {
		w := &r.replies[r.i]
		if r.off == 0 {
			p := &r.packets[r.i]
			p.Buf = r.buffers[r.i]
			r.c.datagram(r.in, r.i, p, &w.d)
			r.seg = 0
			if !r.srv.Trains {
				r.seg = p.SegmentSize // before the handler has p
			}
		}
		w.active = true
		r.srv.Handler.ServePacket(w, r.packet())
		w.active = false
		r.next()
	}
}

// packet returns what to call the handler with.
func (r *reader) packet() *Packet {
	p := &r.packets[r.i]
	if r.seg == 0 {
		return p
	}
	end := min(r.off+r.seg, r.replies[r.i].d.N)
	r.part = *p
	r.part.SegmentSize = 0
	r.part.Buf = r.buffers[r.i][r.off:end:end]
	r.part.N = end - r.off
	return &r.part
}

// next goes on to the next datagram, which may be in the same train.
func (r *reader) next() {
	if r.seg > 0 {
		if r.off += r.seg; r.off < r.replies[r.i].d.N {
			return
		}
	}
	r.i++
	r.off = 0
}

func (r *reader) panicked(v any) {
	r.c.count.panics.Add(1)
	log := r.srv.ErrorLog
	if log == nil {
		log = slog.Default()
	}
	log.Error("dsrudp: panic in a Handler", "path", r.c.path(&r.replies[r.i].d).String(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
}

// reply takes a datagram to be sent from s to t.
func (r *reader) reply(b []byte, s *source, t *target) error {
	if !s.addr.IsValid() {
		return r.c.refuse(ErrNoPath)
	}
	p, err := r.copy(b)
	if err != nil {
		return err
	}
	return r.out.add(r.items-1, p, s, t, NotECT)
}

// send takes a Packet to be sent.
func (r *reader) send(p *Packet) error {
	s, t, err := r.c.way(p)
	if err != nil {
		return err
	}
	b, err := r.copy(p.Payload())
	if err != nil {
		return err
	}
	return r.out.addPayload(r.items-1, b, p, &s, &t)
}

// copy returns a copy of b that is good until flush, and counts it as an item.
func (r *reader) copy(b []byte) ([]byte, error) {
	if len(b) > cap(r.arena) {
		return nil, mmsg.ErrTooLong
	}
	if len(r.arena)+len(b) > cap(r.arena) {
		r.flush()
	}
	at := len(r.arena)
	r.arena = append(r.arena, b...)
	r.items++
	return r.arena[at:], nil
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
	for _, f := range r.out.failed {
		p := r.c.pathTo(f.s, f.t)
		r.report(p, r.c.writeError(f.err, addrPortAddr{p.Remote}))
	}
	r.out.forget()
}

func (r *reader) report(p Path, err error) {
	if r.srv.OnError != nil {
		r.srv.OnError(p, err)
	}
}
