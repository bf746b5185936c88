package dsrudp

import (
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// A receiver is the memory of one receive of several datagrams. They are pooled
// for each Conn, as ops are.
type receiver struct {
	o        *op // for the guard's memo
	in       *mmsg.Batch
	arrivals arrivals

	// The rest is about the datagram looked at last.

	size   int            // of the payload, in bytes
	from   target         // where it came from
	remote netip.AddrPort // the same as it is shown to callers
	key    pathmem.Key    // and as the path memory knows it
	at     *arrival
}

func (c *Conn) newReceiver(n int) *receiver {
	return &receiver{o: newOp().(*op), in: c.sock.NewBatch(n, pktinfo.Size)}
}

// path is the way that the datagram looked at last came.
func (r *receiver) path() Path { return Path{Local: r.at.shown, Remote: r.remote} }

// datagram looks at message i of a receive and fills in p, but for its buffer. It
// is called for each message in order: datagrams of one remote address tend to
// come together, as do those to one local address, and what is known of one holds
// for the next.
func (c *Conn) datagram(r *receiver, i int, p *Packet) {
	if i == 0 {
		r.arrivals.last = nil
	}
	sameRemote := i > 0 && r.in.SameRemote(i)
	if !sameRemote {
		c.from(r, i)
	}
	at, sameLocal := c.arrival(r, r.in.OOB(i))
	r.at = at
	if (!sameRemote || !sameLocal) && c.memory != nil && r.from.addr.IsValid() {
		c.memory.See(r.key, at.seen)
	}
	flags := r.in.Flags(i)
	c.countReceived(flags, &at.local)
	r.size = r.in.Size(i)
	p.N = r.size
	p.Path.Local, p.Path.Remote = at.shown, r.remote
	p.OrigDst, p.ECN = at.orig, at.ecn
	p.SegmentSize = 0
	if at.seg < r.size {
		p.SegmentSize = at.seg // one that is not less tells of no train
	}
	p.Truncated = flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0
	p.Err = nil
}

// from looks at where message i came from.
func (c *Conn) from(r *receiver, i int) {
	remote, scope := r.in.Remote(i)
	r.from = target{remote, scope}
	r.remote = unmap(c.zoned(remote, scope))
	if c.memory != nil && remote.IsValid() {
		r.key = c.memory.Key(remote, scope)
	}
}
