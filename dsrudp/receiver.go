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

	d     datagram // the one looked at last
	known known    // of it
}

// known is what the addresses and control messages of a datagram say.
type known struct {
	path   Path
	remote target
	orig   netip.Addr
	seg    int
	ecn    ECN
}

func (c *Conn) newReceiver(n int) *receiver {
	return &receiver{o: newOp().(*op), in: c.sock.NewBatch(n, pktinfo.Size)}
}

// datagram looks at message i of a receive and fills in p, but for its buffer. It
// is called for each message in order: datagrams of one path tend to come
// together, and what is known of one holds for the next.
func (c *Conn) datagram(r *receiver, i int, p *Packet) {
	d, k := &r.d, &r.known
	if i > 0 && r.in.LikeBefore(i) {
		d.N = r.in.Size(i)
		c.countReceived(d)
	} else {
		r.in.Received(i, &d.Received)
		var info pktinfo.Info
		c.learn(r.o, d, r.in.OOB(i), &info)
		k.know(c, d, &info)
	}
	p.N = d.N
	p.Path, p.OrigDst, p.ECN = k.path, k.orig, k.ecn
	p.SegmentSize = 0
	if k.seg < d.N {
		p.SegmentSize = k.seg // one that is not less tells of no train
	}
	p.Truncated = d.Flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0
	p.Err = nil
}

func (k *known) know(c *Conn, d *datagram, info *pktinfo.Info) {
	k.path.Local, k.path.Remote = c.local(&d.local), unmap(c.remote(d))
	k.remote = target{d.From, d.Scope}
	k.orig = netip.Addr{}
	if info.Dst != d.local.addr {
		k.orig = info.Dst
	}
	k.seg = info.SegmentSize
	k.ecn = ECN(info.ECN)
}
