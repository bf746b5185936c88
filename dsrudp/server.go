package dsrudp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Handler answers datagrams for a [Server].
//
// ServePacket is called on the goroutine that reads the Conn, once for each
// datagram, in the order in which they came; while it runs that Conn is not
// read. A handler that waits is for [Server.Concurrency], which has it called in a
// goroutine for each datagram. Conns of one Server have a goroutine each too, so
// that a Handler is called by several at once in any case.
//
// The handler may use w and p, p's buffer included, until it returns. The datagram's bytes are
// p.Payload(); how much longer p.Buf is differs. If the handler panics that is logged and
// counted, and the next datagram is served.
//
// [NewReplyWriter] makes a ReplyWriter for a test of a Handler, and for a Handler that
// calls another one and sees or changes its replies.
type Handler interface {
	ServePacket(w ReplyWriter, p *Packet)
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(w ReplyWriter, p *Packet)

// ServePacket calls f.
func (f HandlerFunc) ServePacket(w ReplyWriter, p *Packet) { f(w, p) }

// A Server calls a Handler for each datagram that its Conns receive. It receives
// datagrams, and sends the answers, several at a time: those of one Path and length may
// leave as one message, as those of [Conn.WritePackets], and several that GRO joined are
// split.
//
// Answers of a ReplyWriter and along a Path need no path memory. Where there are
// no others, turning it off (ListenConfig.PathMemory) saves what it costs, most
// with very many clients.
//
// A Server does not answer itself. A datagram whose source is one of its own sockets is
// dropped and counted in [Stats], forged or not: it has the port of one of its Conns, and
// the address to which it was sent, or that of a Conn bound to it; where a wildcard Conn has the
// port, also any address of this host. Peers on other hosts with an equal port are served.
// What comes from an unspecified address or from port 0 is given to the Handler, but no reply is
// sent to it.
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

	// Concurrency is how many handlers may be in progress in goroutines of their own,
	// for all Conns together. With 0 handlers run on the goroutine that reads, which is
	// the fastest, and answers are sent together and in order.
	//
	// With more each datagram has a goroutine and a copy of its own, whose buffer is as long as
	// the payload. Answers leave at once, in any order, and what goes wrong is returned
	// by the ReplyWriter, which waits at most 100 ms for room in the send buffer, after those
	// that began to wait before. While all places are taken the kernel's receive buffer holds
	// what comes, or drops it. A handler that ends its goroutine (runtime.Goexit) is as one
	// that returns.
	//
	// Let it be as many as what the handlers wait for can have in progress, such as database
	// connections: each place in use costs a goroutine and a copy of its datagram.
	Concurrency int

	// OnError, if it is not nil, is called for answers that could not be sent
	// after the ReplyWriter accepted them and, with a zero Path,
	// for reads that failed. The error is a *net.OpError, as that of the Conn's own
	// methods is: its Op is "write", and Addr the remote address, or "read". OnError
	// is called on the goroutine that reads, or by a Write whose buffer was full, on
	// the goroutine of that, and so for several Conns by several goroutines at once: it must
	// not block, take a lock that the handler holds while it writes, or panic.
	//
	// If it is nil, failures are logged by ErrorLog: at most ten in a second, and how many
	// were not logged since.
	OnError func(p Path, err error)

	// ErrorLog logs panics of the handler, at most ten in a second, and what OnError would be
	// called for if there is none. Nil means slog.Default().
	ErrorLog *slog.Logger

	mu      sync.Mutex
	readers map[*reader]struct{}
	ended   chan struct{} // closed when there are no readers left after Shutdown
	stop    atomic.Bool   // Shutdown was called

	own              atomic.Pointer[ownSockets] // of readers
	places           chan struct{}              // as many as Concurrency; filled by handlers in progress
	panics, failures limiter                    // of ErrorLog
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
// Shutdown, and else the errors that ended the Conns, joined: a *net.OpError
// that matches net.ErrClosed for one that was closed, os.ErrDeadlineExceeded for one whose
// read deadline passed. After Shutdown it closes conns and returns ErrServerClosed at once.
// When it cannot begin for another reason (a Conn is nil, closed or served already, or there
// is no Handler) it leaves all of them to the caller.
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
	s.logRest()
	if s.stop.Load() {
		return ErrServerClosed
	}
	return errors.Join(errs...)
}

// begin makes conns this Server's, or none of them.
func (s *Server) begin(conns []*Conn) (readers []*reader, err error) {
	if f, isFunc := s.Handler.(HandlerFunc); s.Handler == nil || isFunc && f == nil {
		return nil, errors.New("dsrudp: Server has no Handler")
	}
	if s.Concurrency < 0 {
		return nil, fmt.Errorf("dsrudp: Server.Concurrency is %d; it cannot be negative", s.Concurrency)
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
	for i, c := range conns {
		if err = syscall.EINVAL; c.ok() {
			err = c.serve()
		}
		if err != nil {
			for _, r := range readers {
				r.c.unserve()
			}
			return nil, fmt.Errorf("dsrudp: Serve: the Conn with index %d: %w", i, err)
		}
		readers = append(readers, newReader(s, c))
	}
	if s.readers == nil {
		s.readers = make(map[*reader]struct{})
		s.places = make(chan struct{}, s.Concurrency)
	}
	for _, r := range readers {
		s.readers[r] = struct{}{}
	}
	s.own.Store(newOwnSockets(s.readers))
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
	s.own.Store(newOwnSockets(s.readers))
	if s.ended != nil && len(s.readers) == 0 {
		close(s.ended)
		s.ended = nil
	}
}

// Shutdown ends the Server: it serves what the kernel has queued by now, waits for the handlers
// in progress, sends what they wrote, and then closes the Conns. Shutdown returns when that is done,
// or ctx's error when ctx ends first: the Conns are then closed as by [Conn.Close], as
// soon as the handlers in progress return.
//
// It ends though requests keep coming: it serves no more than could have been queued (by the
// memory that the receive buffer holds, SO_MEMINFO of socket(7), or 4096 datagrams where the
// system does not say), or until the queue is empty. What arrives later is lost, as UDP
// loses datagrams, unless another socket of a ListenN set receives it. So have the load
// balancer send elsewhere first. Late answers of goroutines that a handler started should have
// been sent before; they would get net.ErrClosed.
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

// A limiter bounds how often something is logged: maxLogged times in a second.
type limiter struct {
	mu        sync.Mutex
	since     time.Time
	logged    int // since then
	notLogged int // since the last one that was
}

const maxLogged = 10

// take reports whether to log now, and how many were not logged before.
func (l *limiter) take() (notLogged int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.since) >= time.Second {
		l.since, l.logged = now, 0
	}
	if l.logged == maxLogged {
		l.notLogged++
		return 0, false
	}
	l.logged++
	notLogged, l.notLogged = l.notLogged, 0
	return notLogged, true
}

// rest returns how many were not logged since the last one that was.
func (l *limiter) rest() (notLogged int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	notLogged, l.notLogged = l.notLogged, 0
	return notLogged
}

func (s *Server) logger() *slog.Logger {
	if s.ErrorLog == nil {
		return slog.Default()
	}
	return s.ErrorLog
}

// logPanic logs a panic of the handler, from the deferred call that recovered it.
func (s *Server) logPanic(p Path, v any) {
	if n, ok := s.panics.take(); ok {
		s.logger().Error("dsrudp: panic in a Handler",
			"path", p.String(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()), "notLogged", n)
	}
}

// logFailure logs what OnError would be called for.
func (s *Server) logFailure(p Path, err error) {
	n, ok := s.failures.take()
	switch {
	case !ok:
	case p == Path{}:
		s.logger().Warn("dsrudp: read failed", "error", err, "notLogged", n)
	default:
		s.logger().Warn("dsrudp: answer not sent", "path", p.String(), "error", err, "notLogged", n)
	}
}

// logRest logs how many panics and failures were not logged.
func (s *Server) logRest() {
	if panics, failures := s.panics.rest(), s.failures.rest(); panics+failures > 0 {
		s.logger().Warn("dsrudp: not logged", "panics", panics, "failures", failures)
	}
}
