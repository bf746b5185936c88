package dsrudp

import (
	"github.com/dsrudp/go-dsrudp/internal/localroute"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// An op is the memory of one call in progress. They are pooled for each Conn:
// a memo must not be shown another namespace's table.
type op struct {
	msg    mmsg.Msg
	memory pathmem.View // of the Conn's, if it has one
	memo   localroute.Memo
	oob    [pktinfo.Size]byte
	own    bool // it is the Conn's own, not of the pool
}

func (c *Conn) newOp() any {
	o := new(op)
	o.msg.Init()
	if c.memory != nil {
		o.memory = c.memory.View()
	}
	return o
}

// op returns an op for one call, to be given back to done. The Conn's own is less
// work than one of the pool, and enough where one goroutine reads and answers.
func (c *Conn) op() *op {
	if c.inUse.Load() != 0 || !c.inUse.CompareAndSwap(0, 1) {
		return c.ops.Get().(*op)
	}
	if c.own == nil {
		c.own = c.newOp().(*op)
		c.own.own = true
	}
	return c.own
}

func (c *Conn) done(o *op) {
	if o.own {
		c.inUse.Store(0)
	} else {
		c.ops.Put(o)
	}
}
