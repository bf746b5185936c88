package dsrudp

import (
	"encoding/binary"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// A merging knows which message of a batchSender a datagram may join: the last one of
// its path. So the datagrams of a path leave in their order, whatever others come
// between them.
//
// A path here is what the wire shows, which the kernel has a hand in where source or
// target are left to it. Such datagrams change places with none.
type merging struct {
	messages  [1 << slotBits]uint8 // by slot of the path, the message begun last
	first     int                  // the first message that may be joined
	followers []follower
	listed    []int // what itemsOf returned
}

// A follower is a datagram that is not its message's first.
type follower struct{ message, item int }

// slotBits is the binary logarithm of how many paths can be told apart. Of two with
// one slot less is merged, and nothing is wrong: a message shows whose it is.
const slotBits = 6

// anywhere is the slot of what changes places with nothing: a path that is not known, and
// all where it is told how many of the first were sent.
const anywhere = -1

// slot returns the slot of the path from s to t, which is one however they are written.
func (q *batchSender) slot(s *source, t *target) int {
	from, to := bitsOf(s.addr), bitsOf(t.addr.Addr())
	if from == 0 || to == 0 || q.prefix {
		return anywhere
	}
	h := from*0x9e3779b97f4a7c15 + (to^uint64(t.addr.Port())<<40)*0xd6e8feb86659fd93
	return int(h >> (64 - slotBits))
}

// bitsOf returns a number that other addresses hardly have. It is 0 for one that is not
// valid or unspecified, and may be for others.
func bitsOf(a netip.Addr) uint64 {
	if a = a.Unmap(); a.Is4() {
		b := a.As4()
		return uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8])*3 ^ binary.BigEndian.Uint64(b[8:])
}

// latest returns the message that a datagram of that slot may join, if its path is
// the same, or -1. That may be the next one to send even where its datagrams are being
// sent one by one, and some were: oneByOne, which goes on later, looks at it afresh.
func (q *batchSender) latest(slot int) int {
	last := q.batch.Len() - 1
	i := last
	if slot != anywhere {
		// It may be left from before the last flush. Then no message of the
		// path has been begun since, or it would not be.
		i = int(q.messages[slot])
	}
	if i > last || i < q.first || i < q.next {
		return -1
	}
	return i
}

// begun notes that message i was begun, the last one so far.
func (q *batchSender) begun(slot, i int) {
	if slot == anywhere {
		q.first = i
		return
	}
	q.messages[slot] = uint8(i)
}

// merge puts a datagram behind those of message i, if it may be.
func (q *batchSender) merge(i, item int, payload []byte, s *source, t *target, ecn ECN) bool {
	n := len(payload)
	m := &q.msgs[i]
	if m.s != *s || m.t != *t || m.full || n > m.size || n == 0 || q.flags != 0 || m.ecn != ecn ||
		m.total+n > maxPayload {
		return false
	}
	if m.limit == 0 {
		m.limit = max(1, q.c.offload.Limit(t.addr.Addr(), m.size))
	}
	if m.count >= m.limit || !q.batch.AppendTo(i, payload) {
		return false
	}
	q.followers = append(q.followers, follower{i, item})
	m.count++
	m.total += n
	m.full = n < m.size
	if m.count == 2 {
		q.segment(i)
	}
	return true
}

// segment has message i cut into segments of the first datagram's size.
func (q *batchSender) segment(i int) {
	q.batch.Control(i, pktinfo.AppendSegmentSize(q.batch.Controls(i), q.msgs[i].size))
}

// itemsOf returns the items of message i, one for each datagram or one train. They are
// good until the next call.
func (q *batchSender) itemsOf(i int) []int {
	items := append(q.listed[:0], q.msgs[i].item)
	for _, f := range q.followers {
		if f.message == i {
			items = append(items, f.item)
		}
	}
	q.listed = items
	return items
}

// resetMerging begins anew, with no message to join.
func (q *batchSender) resetMerging() {
	q.first, q.followers = 0, q.followers[:0]
}
