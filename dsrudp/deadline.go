package dsrudp

import (
	"net"
	"syscall"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// past is a deadline that is over.
var past = time.Unix(1, 0)

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
