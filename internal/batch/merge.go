package batch

import (
	"encoding/binary"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// maxPayload is the most that one message holds however many datagrams it is cut into:
// what one IPv4 datagram holds (RFC 768, RFC 791).
const maxPayload = 65535 - 20 - 8

// merge adds a datagram to message i, if it may be.
func (s *Sender) merge(i, number int, payload []byte, h *source.Header) bool {
	m, n := &s.messages[i], len(payload)
	if m.header != *h || m.full || n == 0 || n > m.size || m.total+n > maxPayload ||
		m.count >= s.offload.Limit(h.Remote.AddrPort.Addr(), m.size) || !s.out.Append(i, payload) {
		return false
	}
	s.note(i, number, 1)
	m.total += n
	m.full = n < m.size
	if m.count == 2 {
		s.segment(i)
	}
	return true
}

// segment has the kernel cut message i into datagrams of the first one's size.
func (s *Sender) segment(i int) {
	s.out.SetControl(i, pktinfo.AppendSegmentSize(s.out.ControlOf(i), s.messages[i].size))
}

// latest knows which message a datagram may join: the last one of its path. So the
// datagrams of a path leave in their order, whatever others come between them.
//
// A path here is what the wire shows. Where source or target are left to the kernel it is
// not known: such a datagram changes places with none.
type latest struct {
	messages [1 << slotBits]uint8 // by slot of the path, the message begun last
	first    int                  // the first message that may be joined
}

// slotBits is the binary logarithm of how many paths are distinguished. Of two with one
// slot less is merged, and nothing is wrong: a message has its Header.
const slotBits = 6

// noReorder is the slot of what changes places with nothing.
const noReorder = -1

// slotOf returns the slot of h's path.
func slotOf(h *source.Header) int {
	from, to := bitsOf(h.Local.Addr), bitsOf(h.Remote.AddrPort.Addr())
	if from == 0 || to == 0 {
		return noReorder
	}
	hash := from*0x9e3779b97f4a7c15 + (to^uint64(h.Remote.AddrPort.Port())<<40)*0xd6e8feb86659fd93
	return int(hash >> (64 - slotBits))
}

// bitsOf returns a number that other addresses hardly have. It is 0 for one that is not
// valid or unspecified, and may be for others.
func bitsOf(a netip.Addr) uint64 {
	if a.Is4() {
		b := a.As4()
		return uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8])*3 ^ binary.BigEndian.Uint64(b[8:])
}

// message returns which of n messages a datagram of that slot may join, if its Header is
// the same, or -1.
func (l *latest) message(slot, n int) int {
	i := n - 1
	if slot != noReorder {
		// It may be left from before the last send. Then no message of the path has
		// been begun since, or it would not be.
		i = int(l.messages[slot])
	}
	if i >= n || i < l.first {
		return -1
	}
	return i
}

// begun notes that message i was begun, the last one so far.
func (l *latest) begun(slot, i int) {
	if slot == noReorder {
		l.first = i
		return
	}
	l.messages[slot] = uint8(i)
}
