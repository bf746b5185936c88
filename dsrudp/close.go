package dsrudp

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// past is a deadline that is over.
var past = time.Unix(1, 0)

// Close closes the socket. Calls in progress return an error matching
// net.ErrClosed.
//
// On a Conn that a Server reads it does not wait: it wakes the Server's reader,
// which closes the socket as soon as the handler returns that it may be in. So a
// handler may call it, and may wait for a goroutine that does. From the moment
// that Close returns reads, writes and deadlines fail, whether the socket is
// closed yet or not; only the answers of that handler may still leave.
func (c *Conn) Close() error {
	if !c.ok() {
		return syscall.EINVAL
	}
	c.life.Lock()
	first := !c.closed.Swap(true)
	if c.served.Load() {
		defer c.life.Unlock()
		if !first {
			return &net.OpError{Op: "close", Net: c.network, Source: c.laddr, Addr: c.raddr, Err: net.ErrClosed}
		}
		c.end()
		return c.sock.SetDeadline(past)
	}
	c.life.Unlock()
	if first {
		return c.shut()
	}
	return c.sock.Close()
}

// shut closes the socket and lets go of the guard.
func (c *Conn) shut() error {
	if c.held != nil {
		c.held.close()
	}
	c.dropped() // the kernel's count ends with the socket
	err := c.sock.Close()
	if c.guard != nil {
		c.release.Stop()
		c.guard.Close()
	}
	return err
}

// serve makes c a Server's, which has to call unserve when it is done.
func (c *Conn) serve() error {
	c.life.Lock()
	defer c.life.Unlock()
	if err := c.refusesBatches(); err != nil {
		return err
	}
	c.served.Store(true)
	c.ended = make(chan struct{})
	return nil
}

// end tells the reader of a Server that it is to end. The caller has life.
func (c *Conn) end() {
	if !c.woken {
		c.woken = true
		close(c.ended)
	}
}

// wake has the reader of a Server end after what is queued.
func (c *Conn) wake() {
	c.life.Lock()
	defer c.life.Unlock()
	c.end()
	_ = c.sock.SetReadDeadline(past) // the error is its being closed
}

// unserve ends serve, and closes the socket if Close was called meanwhile.
func (c *Conn) unserve() {
	c.life.Lock()
	c.served.Store(false)
	closed := c.closed.Load()
	c.life.Unlock()
	if closed {
		c.shut()
	}
}

// over makes net.ErrClosed of the deadline by which Close wakes calls on a Conn
// that a Server reads.
func (c *Conn) over(err error) error {
	if c.closed.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
		return net.ErrClosed
	}
	return err
}

// SetDeadline sets the read and write deadlines, see [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	return c.setDeadline(t, true, (*mmsg.Socket).SetDeadline)
}

// SetReadDeadline sets the deadline of reads, see [net.Conn].
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.setDeadline(t, true, (*mmsg.Socket).SetReadDeadline)
}

// SetWriteDeadline sets the deadline of writes, see [net.Conn].
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(t, false, (*mmsg.Socket).SetWriteDeadline)
}

func (c *Conn) setDeadline(t time.Time, reads bool, set func(*mmsg.Socket, time.Time) error) error {
	if !c.ok() {
		return syscall.EINVAL
	}
	c.life.Lock()
	defer c.life.Unlock()
	if c.closed.Load() || c.woken {
		// It would undo what Close or Shutdown ends waits with.
		return &net.OpError{Op: "set", Net: c.network, Addr: c.laddr, Err: net.ErrClosed}
	}
	if reads && c.ahead != nil {
		c.ahead.setDeadline(t) // for reads that do not come to the kernel
	}
	return set(c.sock, t)
}
