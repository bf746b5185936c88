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
	peers    []peer         // where message i came from, if it was not where message i-1 did
	memories []pathmem.View // and what the path memory knows of that
	arrivals arrivals

	// The rest is about the datagram looked at last.

	size   int // of the payload, in bytes
	peer   *peer
	memory *pathmem.View
	at     *arrival
}

// A peer is where a datagram came from.
type peer struct {
	target
	shown netip.AddrPort // the same as it is shown to callers
	same  bool           // as that of the message before, where the rest is to be found
}

func (c *Conn) newReceiver(n int) *receiver {
	r := &receiver{
		o:        c.newOp().(*op),
		in:       c.sock.NewBatch(n, pktinfo.Size),
		peers:    make([]peer, n),
		memories: make([]pathmem.View, n),
	}
	if c.memory != nil {
		for i := range r.memories {
			r.memories[i] = c.memory.View()
		}
	}
	return r
}

// path is the way that the datagram looked at last came.
func (r *receiver) path() Path { return Path{Local: r.at.shown, Remote: r.peer.shown} }

// begin looks at where the n messages of a receive came from. Datagrams of one
// remote address tend to come together, as do those to one local address, and what
// is known of one holds for the next.
func (c *Conn) begin(r *receiver, n int) {
	r.at = nil
	for i := range n {
		p := &r.peers[i]
		if p.same = i > 0 && r.in.SameRemote(i); p.same {
			continue
		}
		p.addr, p.scope = r.in.Remote(i)
		p.shown = unmap(c.zoned(p.addr, p.scope))
		if c.memory != nil && p.addr.IsValid() {
			r.memories[i].Meet(p.addr, p.scope)
		}
	}
	if c.memory != nil && c.memory.Len() >= crowd {
		c.memory.Fetch(r.memories[:n])
	}
}

// crowd is the number of remote addresses in the path memory from which on a
// batch's are fetched. It is a guess: with 1000 that was found to gain nothing, and
// with 100 000 half the time.
const crowd = 1 << 12

// datagram looks at message i of a receive and fills in p, but for its buffer. It
// is called for each message in order, after begin.
func (c *Conn) datagram(r *receiver, i int, p *Packet) {
	same := r.peers[i].same
	if !same {
		r.peer, r.memory = &r.peers[i], &r.memories[i]
	}
	size, flags := r.in.Size(i), r.in.Flags(i)
	sameLocal := c.arrival(r, r.in.OOB(i))
	at := r.at
	if (!same || !sameLocal) && c.memory != nil && r.peer.addr.IsValid() {
		r.memory.See(at.seen)
	}
	c.countReceived(flags, &at.local)
	r.size = size
	p.N = size
	p.Path.Local = at.shown
	p.Path.Remote = r.peer.shown
	p.OrigDst, p.ECN = at.orig, at.ecn
	p.SegmentSize = 0
	if at.seg < size {
		p.SegmentSize = at.seg // one that is not less tells of no train
	}
	p.Truncated = flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0
	p.Err = nil
}
