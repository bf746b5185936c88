package dsrudp

import (
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// A receiver is the memory of one receive of several datagrams. They are pooled
// for each Conn, as ops are.
type receiver struct {
	o  *op // for the guard's memo
	in *mmsg.Batch
}

func (c *Conn) newReceiver(n int) *receiver {
	return &receiver{o: newOp().(*op), in: c.sock.NewBatch(n, pktinfo.Size)}
}

// datagram returns what message i of a receive brought, and fills in p, but for
// its buffer.
func (c *Conn) datagram(r *receiver, i int, p *Packet) (d datagram) {
	d.Received = r.in.Received(i)
	info := c.learn(r.o, &d, r.in.OOB(i))
	p.N = d.N
	p.Path = c.path(&d)
	p.OrigDst = origDst(info, d.local)
	p.SegmentSize = 0
	if info.SegmentSize < d.N {
		p.SegmentSize = info.SegmentSize // one that is longer tells of no train
	}
	p.ECN = ECN(info.ECN)
	p.Truncated = d.Flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0
	p.Err = nil
	return d
}
