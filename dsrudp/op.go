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
	solo   bool // it is Conn.solo, not of the pool
}

// newOp returns an *op for Conn.ops, or for somebody to keep.
func (c *Conn) newOp() any {
	o := new(op)
	o.msg.Init()
	if c.memory != nil {
		o.memory = c.memory.View()
	}
	return o
}

// op returns an op for one call, to be given back to done. Conn.solo is less work
// than one of the pool, and enough where one goroutine reads and answers.
func (c *Conn) op() *op {
	if c.soloInUse.Load() != 0 || !c.soloInUse.CompareAndSwap(0, 1) {
		return c.ops.Get().(*op)
	}
	if c.solo == nil {
		c.solo = c.newOp().(*op)
		c.solo.solo = true
	}
	return c.solo
}

// done takes back o, which op returned.
func (c *Conn) done(o *op) {
	if o.solo {
		c.soloInUse.Store(0)
	} else {
		c.ops.Put(o)
	}
}
