package dsrudp

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/sockopt"
)

// counters are the counts behind Stats.
type counters struct {
	unknownPath, ambiguousPath, refused   atomic.Uint64
	lostPath, truncated, controlTruncated atomic.Uint64
	offloadFallbacks, panics              atomic.Uint64
	failures                              [mmsg.Kinds]atomic.Uint64
	drops                                 drops
}

// drops follows the kernel's count, which starts again after 1<<32.
type drops struct {
	mu    sync.Mutex
	last  uint32
	total uint64
}

// dropped returns how many datagrams the kernel has dropped so far, and after Close
// until then.
func (c *Conn) dropped() uint64 {
	d := &c.count.drops
	d.mu.Lock()
	defer d.mu.Unlock()
	// The error is the socket's being closed.
	_ = c.raw.Control(func(fd uintptr) {
		if now, ok := sockopt.Drops(fd); ok {
			d.total += uint64(now - d.last)
			d.last = now
		}
	})
	return d.total
}

// refused reports whether err is this package's word, or what the kernel said is
// known to mean that.
func refused(err error) bool { return errors.Is(err, ErrNotLocal) || errors.Is(err, ErrNoPath) }

// countUnsent counts n datagrams not sent because of err, if this package refused
// them or the kernel did. Each datagram comes here once.
func (c *Conn) countUnsent(err error, n int) {
	var kernels *os.SyscallError
	switch {
	case refused(err):
		c.count.refused.Add(uint64(n))
	case errors.As(err, &kernels) && !mmsg.WouldBlock(err):
		c.count.failures[mmsg.KindOf(err)].Add(uint64(n))
	}
}

// countReceived counts what is amiss with a datagram received with flags on s.
func (c *Conn) countReceived(flags int, s *source) {
	if flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0 {
		c.countTruncation(flags)
	}
	if !s.addr.IsValid() {
		c.count.lostPath.Add(1)
	}
}

func (c *Conn) countTruncation(flags int) {
	if flags&mmsg.FlagTrunc != 0 {
		c.count.truncated.Add(1)
	}
	if flags&mmsg.FlagCtrunc != 0 {
		c.count.controlTruncated.Add(1)
	}
}
