package dsrudp

import (
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// A batchReceiver is the memory of one receive of several datagrams. They are pooled
// for each Conn, as ops are.
type batchReceiver struct {
	o        *op // for the guard's memo
	batch    *mmsg.InBatch
	peers    []peer         // where message i came from, if it was not where message i-1 did
	memories []pathmem.View // and what the path memory knows of that
	cache    controlCache

	// The rest is about the datagram looked at last.

	size   int // of the payload, in bytes
	peer   *peer
	memory *pathmem.View
	info   *controlInfo
}

// A peer is where a datagram came from.
type peer struct {
	target
	shown netip.AddrPort // the same as it is shown to callers
	same  bool           // as that of the message before, where the rest is to be found
}

func (c *Conn) newBatchReceiver(n int) *batchReceiver {
	r := &batchReceiver{
		o:        c.newOp().(*op),
		batch:    c.sock.NewInBatch(n, pktinfo.Size),
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
func (r *batchReceiver) path() Path { return Path{Local: r.info.shown, Remote: r.peer.shown} }

// readPeers looks at where the n messages of a receive came from. Datagrams of one
// remote address tend to come together, as do those to one local address, and what
// is known of one holds for the next.
func (c *Conn) readPeers(r *batchReceiver, n int) {
	r.info = nil
	for i := range n {
		p := &r.peers[i]
		if p.same = i > 0 && r.batch.SameRemote(i); p.same {
			continue
		}
		p.addr, p.scope = r.batch.Remote(i)
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

// fillPacket looks at message i of a receive and fills in p, but for its buffer. It
// is called for each message in order, after readPeers.
func (c *Conn) fillPacket(r *batchReceiver, i int, p *Packet) {
	same := r.peers[i].same
	if !same {
		r.peer, r.memory = &r.peers[i], &r.memories[i]
	}
	size, flags := r.batch.Size(i), r.batch.Flags(i)
	sameLocal := c.controlInfo(r, r.batch.OOB(i))
	info := r.info
	if (!same || !sameLocal) && c.memory != nil && r.peer.addr.IsValid() {
		r.memory.See(info.seen)
	}
	c.countReceived(flags, &info.local)
	r.size = size
	p.N = size
	p.Path.Local = info.shown
	p.Path.Remote = r.peer.shown
	p.OrigDst, p.ECN = info.orig, info.ecn
	p.SegmentSize = 0
	if info.seg < size {
		p.SegmentSize = info.seg // one that is not less tells of no train
	}
	p.Truncated = flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0
	p.Err = nil
}
