package dsrudp

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// readAhead takes datagrams from the kernel several at a time, for calls that
// read one.
type readAhead struct {
	c *Conn

	mu      sync.Mutex
	batch   *mmsg.InBatch
	buffers [][]byte
	i, n    int // the next datagram to give away, and their number

	left     atomic.Int32 // datagrams not yet given away
	deadline atomic.Pointer[time.Time]
}

func newReadAhead(c *Conn, n int) *readAhead {
	a := &readAhead{c: c, batch: c.sock.NewInBatch(n, pktinfo.Size), buffers: newBuffers(n)}
	for i, p := range a.buffers {
		a.batch.SetBuffer(i, p)
	}
	return a
}

// receive acts as [mmsg.Socket.Recv].
func (a *readAhead) receive(b, oob []byte, r *mmsg.Received) error {
	if a.c.held != nil && a.left.Load() == 0 {
		a.c.held.try()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.i == a.n {
		a.i, a.n = 0, 0
		n, err := a.batch.Recv(len(a.buffers), 0)
		if err != nil {
			return err
		}
		a.n = n
	} else if err := a.over(); err != nil {
		return err
	}
	i := a.i
	a.i++
	a.left.Store(int32(a.n - a.i))
	a.batch.Received(i, r)
	n := copy(b, a.buffers[i][:r.N])
	if n < r.N {
		r.N = n
		r.Flags |= mmsg.FlagTrunc
	}
	if k := copy(oob, a.batch.OOB(i)); k < r.OOBN {
		r.OOBN = k
		r.Flags |= mmsg.FlagCtrunc
	}
	return nil
}

// over returns why nothing may be read any more, as the kernel's datagrams are
// not to be had after Close or the deadline either.
func (a *readAhead) over() error {
	if a.c.closed.Load() {
		return net.ErrClosed
	}
	if t := a.deadline.Load(); t != nil && !t.After(time.Now()) {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// setDeadline notes the read deadline.
func (a *readAhead) setDeadline(t time.Time) {
	if t.IsZero() {
		a.deadline.Store(nil)
		return
	}
	a.deadline.Store(&t)
}
