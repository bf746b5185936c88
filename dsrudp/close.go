package dsrudp

import (
	"errors"
	"net"
	"os"
	"syscall"
)

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
		return c.sock.Expire()
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

// over makes net.ErrClosed of the deadline by which Close wakes calls on a Conn
// that a Server reads.
func (c *Conn) over(err error) error {
	if c.closed.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
		return net.ErrClosed
	}
	return err
}
