package dsrudp

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
)

// A life is how a Conn ends:
//
//	open --serve--> served --Close, wake--> ending --unserve--> closed
//	open --Close--> closed
//
// A Server's reader runs inside the callback of net's poller, and net's Close waits for
// that callback. So on a served Conn, Close only ends the waits, by deadlines that have
// passed, and unserve closes the socket.
type life struct {
	mu     sync.Mutex // for closing, and for the deadlines by which waits end
	closed atomic.Bool
	served atomic.Bool   // by a Server
	ending bool          // the Server's reader is to end; under mu
	gone   chan struct{} // closed by Close of a served Conn

	guard   *localroute.Table // nil where there is none
	cleanup runtime.Cleanup   // gives the guard up where the Conn is forgotten
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// Close closes the socket. Calls in progress return an error matching
// net.ErrClosed.
//
// On a Conn that a Server reads it does not wait: the Server's reader closes the socket
// as soon as the handlers return that are in progress. So a handler may call it, and may
// wait for a goroutine that does. From the moment that Close returns reads, writes and
// deadlines fail, whether the socket is closed yet or not; only the answers of those
// handlers may still leave.
func (c *Conn) Close() error {
	if !c.ok() {
		return syscall.EINVAL
	}
	c.mu.Lock()
	again := c.closed.Swap(true)
	if c.served.Load() {
		defer c.mu.Unlock()
		if again {
			return c.closeError(net.ErrClosed)
		}
		c.endServing()
		close(c.gone)
		return c.closeError(c.sock.SetWriteDeadline(past))
	}
	c.mu.Unlock()
	if again {
		return c.closeError(net.ErrClosed)
	}
	return c.closeError(c.shut())
}

// closeError wraps err, which may be nil, as net does.
func (c *Conn) closeError(err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: "close", Net: c.network, Source: c.laddr, Addr: c.raddr, Err: err}
}

// shut closes the socket and gives up the guard.
func (c *Conn) shut() error {
	c.dropped() // the kernel's count ends with the socket
	err := c.sock.Close()
	if c.guard != nil {
		c.cleanup.Stop()
		c.guard.Close()
	}
	return err
}

// keepGuard makes c give up the guard also where it is forgotten instead of closed.
func (c *Conn) keepGuard(guard *localroute.Table) {
	if c.guard = guard; guard != nil {
		c.cleanup = runtime.AddCleanup(c, func(t *localroute.Table) { t.Close() }, guard)
	}
}

// closedError returns net.ErrClosed for the passed deadline by which Close ends calls
// on a Conn that a Server reads.
func (c *Conn) closedError(err error) error {
	if c.closed.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
		return net.ErrClosed
	}
	return err
}

// readable returns why the Conn cannot be read: it is closed, or a Server reads it, or
// GRO is on, and the call takes single datagrams.
func (c *Conn) readable(single bool) error {
	switch {
	case c.closed.Load():
		return net.ErrClosed
	case c.served.Load():
		return errServed
	case c.gro && single:
		return errGRO
	}
	return nil
}

// SetDeadline sets the read and write deadlines, see [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	return c.setDeadline(t, true, true)
}

// SetReadDeadline sets the deadline of reads, see [net.Conn].
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.setDeadline(t, true, false)
}

// SetWriteDeadline sets the deadline of writes, see [net.Conn].
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(t, false, true)
}

// setDeadline does not undo what Close or Shutdown ends waits with.
func (c *Conn) setDeadline(t time.Time, read, write bool) (err error) {
	if !c.ok() {
		return syscall.EINVAL
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() || c.served.Load() && c.ending {
		err = net.ErrClosed
	}
	if read && err == nil {
		err = c.sock.SetReadDeadline(t)
	}
	if write && err == nil {
		err = c.sock.SetWriteDeadline(t)
	}
	if err != nil {
		return &net.OpError{Op: "set", Net: c.network, Addr: c.laddr, Err: err}
	}
	return nil
}

// serve makes c a Server's, which has to call unserve when it is done.
func (c *Conn) serve() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.readable(false); err != nil {
		return err
	}
	c.served.Store(true)
	c.ending, c.gone = false, make(chan struct{})
	return nil
}

// wake has the reader of a Server end after what is queued.
func (c *Conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endServing()
}

// endServing ends the reader's waits. The caller holds mu.
func (c *Conn) endServing() {
	if !c.ending {
		c.ending = true
		_ = c.sock.SetReadDeadline(past) // the error is the socket's being closed
	}
}

// unserve ends serve, and closes the socket if Close was called meanwhile.
func (c *Conn) unserve() {
	c.mu.Lock()
	c.served.Store(false)
	closed := c.closed.Load()
	c.mu.Unlock()
	if closed {
		c.shut()
	}
}
