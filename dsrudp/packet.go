package dsrudp

import (
	"fmt"
	"iter"
	"math"
	"net/netip"
	"slices"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// ECN is the two-bit field for explicit congestion notification in a datagram's IP
// header (RFC 3168).
type ECN uint8

// The values of the field.
const (
	NotECT ECN = iota // the transport does not use ECN
	ECT1              // it does: ECT(1), as L4S has it (RFC 9331)
	ECT0              // it does: ECT(0)
	CE                // congestion was experienced on the way
)

// A Packet is one datagram with everything known of it, for ReadPackets,
// WritePackets and [Handler]. With [ListenConfig.GRO] it may be several
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
	// Interface is the index of the interface that the datagram came in by, 0 where that
	// is not known. It is known on wildcard Conns and with [ListenConfig.ReplyByInterface].
	// Only with that is it used for sending, and 0 leaves the way out to the routing table.
	Interface int
	// SegmentSize is 0 for a single datagram. For several it is the length in
	// bytes of each, of which the last may be shorter; see [Packet.Segments].
	// WritePackets sends a Packet with a SegmentSize below N as several datagrams,
	// on any socket.
	SegmentSize int
	// ECN is the mark for explicit congestion notification. It is received
	// only with [ListenConfig.ECN]. WritePackets sends it, unless it is 0,
	// so a Packet that is sent back should have it cleared: the marks of one
	// way are not those of the other.
	ECN ECN
	// Truncated says that the datagram was longer than Buf, or that its
	// control messages were cut. Of several datagrams the last may be cut then,
	// and others missing.
	Truncated bool
	// Err is why WritePackets did not send this Packet, or not all of its
	// datagrams; it is a *net.OpError.
	Err error
}

// Payload returns the first N bytes of Buf.
func (p *Packet) Payload() []byte { return p.Buf[:p.N] }

// Segments yields the payload of each datagram of p, in order. The slices are parts of Buf,
// and an append to one does not write to the next.
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

// fill stores in p what a receive into buf brought.
func (p *Packet) fill(c *Conn, buf []byte, d *datagram) {
	p.Buf, p.N = buf, d.N
	p.Path.Local, p.Path.Remote = c.source.LocalAddrPort(&d.Local), c.source.RemoteAddrPort(&d.From)
	p.OrigDst, p.Interface, p.ECN = d.Dst, int(d.Arrival.Ifindex), ECN(d.ECN)
	p.SegmentSize = d.SegmentSize
	p.Truncated = d.Flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0
	p.Err = nil
}

// datagrams returns how many datagrams p is on the wire.
func (p *Packet) datagrams() int { return segments(p.N, p.SegmentSize) }

// segments returns how many datagrams n bytes are in segments of so many bytes, which 0 means
// that there is one.
func segments(n, size int) int {
	if size <= 0 || n <= size {
		return 1
	}
	return (n + size - 1) / size
}

// segmentsWith is segments of n bytes that are sent with the control messages oob of the
// caller's.
func segmentsWith(n int, oob []byte) int { return segments(n, pktinfo.SegmentSize(oob)) }

// check reports what is wrong with the fields of a Packet to be sent.
func (p *Packet) check() error {
	switch {
	case p.N < 0 || p.N > len(p.Buf):
		return fmt.Errorf("dsrudp: Packet.N is %d and its buffer has %d bytes: %w", p.N, len(p.Buf), syscall.EINVAL)
	case p.Interface < 0 || p.Interface > math.MaxInt32:
		return fmt.Errorf("dsrudp: Packet.Interface is %d: %w", p.Interface, syscall.EINVAL)
	case p.SegmentSize < 0:
		return fmt.Errorf("dsrudp: Packet.SegmentSize is %d: %w", p.SegmentSize, syscall.EINVAL)
	case p.ECN > CE:
		return fmt.Errorf("dsrudp: Packet.ECN is %d; 0 to 3 are possible: %w", p.ECN, syscall.EINVAL)
	case p.ECN != NotECT && !mmsg.HasClass:
		return errECN
	}
	return nil
}
