package dsrudp

import (
	"net/netip"

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
	o := newOp().(*op)
	o.noted = new(noted)
	return &receiver{o: o, in: c.sock.NewBatch(n, pktinfo.Size)}
}

// datagram sets d to what message i of a receive brought, and fills in p, but for
// its buffer.
func (c *Conn) datagram(r *receiver, i int, p *Packet, d *datagram) {
	if i == 0 {
		*r.o.noted = noted{} // others may have told the memory something else since
	}
	r.in.Received(i, &d.Received)
	var info pktinfo.Info
	c.learn(r.o, d, r.in.OOB(i), &info)
	p.N = d.N
	p.Path = c.path(d)
	p.OrigDst = netip.Addr{}
	if info.Dst != d.local.addr {
		p.OrigDst = info.Dst
	}
	p.SegmentSize = 0
	if info.SegmentSize < d.N {
		p.SegmentSize = info.SegmentSize // one that is longer tells of no train
	}
	p.ECN = ECN(info.ECN)
	p.Truncated = d.Flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0
	p.Err = nil
}
