package dsrudp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
)

// A Handler answers datagrams for a [Server].
//
// ServePacket is called on the goroutine that reads the Conn, once for each
// datagram, in the order in which they came; while it runs that Conn is not
// read. Work that takes long or waits belongs in another goroutine, with a
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

// A Server calls a Handler for each datagram that its Conns receive. It receives
// datagrams, and sends the answers, several at a time.
//
// Answers of a ReplyWriter and along a Path need no path memory. Where there are
// no others, turning it off (ListenConfig.PathMemory) saves what it costs, most
// with very many clients.
//
// It keeps 4.2 MB of buffers for each Conn, of which the system backs what datagrams
// have filled, but which count as heap.
//
// Its fields must not be changed once Serve was called. A Server may serve
// several times at once, but not again after Shutdown.
type Server struct {
	// Handler answers the datagrams.
	Handler Handler

	// BatchSize is how many datagrams to receive at once, 1 to 64; 0 means 64. A
	// smaller one shortens the wait of the first answer and of the garbage
	// collector.
	BatchSize int

	// OnError, if it is not nil, is called for answers that could not be sent
	// after the ReplyWriter accepted them and, with a zero Path,
	// for reads that failed. The error is a *net.OpError, as that of the Conn's own
	// methods is: its Op is "write", and Addr the remote address, or "read". OnError
	// is called on the goroutine that reads, perhaps while the handler is in a
	// Write whose buffer was full: it must not block, take a lock that the handler
	// holds while it writes, or panic.
	OnError func(p Path, err error)

	// ErrorLog logs panics of the handler; nil means slog.Default().
	ErrorLog *slog.Logger

	mu      sync.Mutex
	readers map[*reader]struct{}
	ended   chan struct{} // closed when there are no readers left after Shutdown
	stop    atomic.Bool   // Shutdown was called
}

// ErrServerClosed is returned by Serve after Shutdown.
var ErrServerClosed = errors.New("dsrudp: Server closed")

var errGoexit = errors.New("dsrudp: the Handler ended the goroutine that it was called on (runtime.Goexit)")

// Serve serves the datagrams of conns, each in a goroutine of its own, until all
// of them are closed or Shutdown is called. The Conns are the Server's from then
// on: it closes them before it returns, and reads of others are refused meanwhile.
// Writes are not, and are right from any goroutine.
//
// One Conn's end does not end the others. Serve returns ErrServerClosed after
// Shutdown, and else the errors that ended the Conns, joined: net.ErrClosed for
// one that was closed, os.ErrDeadlineExceeded for one whose read deadline passed.
// After Shutdown it closes conns and returns ErrServerClosed at once. When it cannot
// begin for another reason (a Conn is nil, closed or served already, or there is no
// Handler) it leaves all of them to the caller.
func (s *Server) Serve(conns ...*Conn) error {
	readers, err := s.begin(conns)
	if err != nil {
		return err
	}
	errs := make([]error, len(readers))
	var wg sync.WaitGroup
	for i, r := range readers {
		wg.Go(func() {
			defer s.end(r)
			errs[i] = errGoexit
			errs[i] = r.run()
		})
	}
	wg.Wait()
	if s.stop.Load() {
		return ErrServerClosed
	}
	return errors.Join(errs...)
}

// begin makes conns this Server's, or none of them.
func (s *Server) begin(conns []*Conn) (readers []*reader, err error) {
	if s.Handler == nil {
		return nil, errors.New("dsrudp: Server has no Handler")
	}
	if s.BatchSize < 0 || s.BatchSize > maxBatchSize {
		return nil, fmt.Errorf("dsrudp: Server.BatchSize is %d; 1 to %d are possible, and 0 for the default", s.BatchSize, maxBatchSize)
	}
	if len(conns) == 0 {
		return nil, errors.New("dsrudp: Serve without a Conn")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop.Load() {
		for _, c := range conns {
			if c.ok() && !c.served.Load() {
				c.Close()
			}
		}
		return nil, ErrServerClosed
	}
	for _, c := range conns {
		if err = syscall.EINVAL; c.ok() {
			err = c.serve()
		}
		if err != nil {
			for _, r := range readers {
				r.c.unserve()
			}
			return nil, fmt.Errorf("dsrudp: Serve: %w", err)
		}
		readers = append(readers, newReader(s, c))
	}
	if s.readers == nil {
		s.readers = make(map[*reader]struct{})
	}
	for _, r := range readers {
		s.readers[r] = struct{}{}
	}
	return readers, nil
}

// maxBatchSize is mmsg.MaxIn of Linux; elsewhere one receive takes one datagram.
const maxBatchSize = 64

// end closes r's Conn.
func (s *Server) end(r *reader) {
	r.c.Close() // which leaves the closing to unserve
	r.c.unserve()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, r)
	if s.ended != nil && len(s.readers) == 0 {
		close(s.ended)
		s.ended = nil
	}
}

// Shutdown has the Server serve what the kernel has queued by now, and then close
// the Conns. It returns when that is done, or ctx's error when ctx ends first:
// the Conns are then closed as by [Conn.Close], as soon as the handlers in
// progress return. What arrives after a Conn's queue was found empty is lost, as
// UDP loses datagrams, unless another socket of a ListenN set receives it. Late
// answers of other goroutines should have been sent before; they would get
// net.ErrClosed.
//
// To end at once call it with a ctx that is done. A handler must not wait for it: it
// waits for the handler.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stop.Store(true)
	for r := range s.readers {
		r.c.wake()
	}
	if len(s.readers) == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.ended == nil {
		s.ended = make(chan struct{})
	}
	ended := s.ended
	s.mu.Unlock()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		for r := range s.readers {
			r.c.Close() // also ends a wait for room to send in
		}
		return ctx.Err()
	}
}
