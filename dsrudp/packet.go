package dsrudp

import (
	"iter"
	"net/netip"
	"slices"
)

// A Packet is one datagram with everything known of it, for ReadPackets,
// WritePackets and [Handler]. With [ListenConfig.GRO] it may be a train: several
// datagrams of one Path that came together. Its fields are the caller's to set.
type Packet struct {
	// Buf is the buffer: ReadPackets receives into all of it, WritePackets
	// sends its first N bytes.
	Buf []byte
	// N is the length of the payload in bytes.
	N int
	// Path is the way the datagram came, or goes. See [Path.Local] for what
	// it is when the datagram was sent to a group.
	Path Path
	// OrigDst is the destination that the datagram was sent to, where that
	// is a group or broadcast address and so not Path.Local; else it is not
	// valid. It is not used for sending.
	OrigDst netip.Addr
	// SegmentSize is 0 for a single datagram. For a train it is the length in
	// bytes of each of its datagrams, of which the last may be shorter; see
	// [Packet.Segments]. WritePackets sends a Packet with a SegmentSize below
	// N as a train, on any socket.
	SegmentSize int
	// ECN is the mark for explicit congestion notification. It is received
	// only with [ListenConfig.ECN]. WritePackets sends it, unless it is 0,
	// so a Packet that is sent back should have it cleared: the marks of one
	// way are not those of the other.
	ECN ECN
	// Truncated says that the datagram was longer than Buf, or that its
	// control messages were cut. Of a train the last datagram may be cut then,
	// and others missing.
	Truncated bool
	// Err is why WritePackets did not send this Packet, or of a train not all
	// of it; it is a *net.OpError.
	Err error
}

// datagrams returns how many p is on the wire.
func (p *Packet) datagrams() int {
	if p.SegmentSize <= 0 {
		return 1
	}
	return max(1, pieces(p.N, p.SegmentSize))
}

// pieces returns how many datagrams of size seg, and a shorter one perhaps, n
// bytes are.
func pieces(n, seg int) int { return (n + seg - 1) / seg }

// Payload returns the first N bytes of Buf.
func (p *Packet) Payload() []byte { return p.Buf[:p.N] }

// Segments yields the payload of each datagram of a train, in order; of a single
// datagram its payload. The slices are parts of Buf, and an append to one does
// not write to the next.
func (p *Packet) Segments() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		b := p.Payload()
		for {
			n := len(b)
			if p.SegmentSize > 0 {
				n = min(n, p.SegmentSize)
			}
			if !yield(b[:n:n]) {
				return
			}
			if b = b[n:]; len(b) == 0 {
				return
			}
		}
	}
}

// Clone returns a copy of p with a buffer of its own, as long as the payload, for use
// after p's buffer is used again, as it is when ServePacket returns.
func (p *Packet) Clone() *Packet {
	q := *p
	q.Buf = slices.Clone(p.Payload())
	return &q
}
