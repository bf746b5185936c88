// Package batch sends several datagrams at a time: it gathers them, merges those of one
// header into segments (UDP_SEGMENT of udp(7)), gives messages to the kernel together,
// and sends the datagrams one by one where the kernel does not take them so.
//
// It is given Headers that package source chose, and a Selector to check them by right
// before they leave. It does not depend on Conns, Packets, Paths or Servers. To receive several
// datagrams at a time takes nothing beyond mmsg.In.
package batch

import (
	"slices"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// MaxDatagram is the longest payload in bytes that any datagram can have: IPv6 does not
// count its header (RFC 8200).
const MaxDatagram = 65535 - 8

// A Sender gathers datagrams and sends them with few system calls. One goroutine uses it
// at a time.
//
// Datagrams of one Header and equal length become one message, for the kernel to cut into
// segments, whatever others were gathered between them: it is those of one path whose
// order counts, and that is kept.
type Sender struct {
	// Patience bounds the waits for room in the send buffer from one Flush to the next, all
	// together. When it is spent each message is tried once, also after that Flush, until one
	// leaves. 0 waits until the write deadline.
	//
	// With Patience a message that the kernel refuses is tried once more, as the error may
	// be that of an earlier datagram. Without, the caller gets that error, as with net.
	Patience time.Duration

	sock    *mmsg.Socket
	source  *source.Selector
	offload *Offload

	out       *mmsg.Out
	messages  []message  // as many as out has
	datagrams []datagram // of all messages, in the order in which they were added
	latest    latest
	next      int // the first message not sent yet

	single   *mmsg.Msg     // made when needed
	waited   time.Duration // for room since Flush
	stalled  bool          // Patience is spent, and nothing has left since
	sent     Sent          // since Flush
	failures []Failure     // since Flush
	arena    []byte        // of AddCopy
}

// A message is one datagram, or several of one Header and equal length, of which only the
// last may be shorter.
type message struct {
	header source.Header
	count  int // of datagrams
	size   int // of the first one in bytes
	total  int
	full   bool // nothing may follow
}

// A datagram is one that was added, or the segments that were added as one.
type datagram struct {
	message int // which one it is part of, behind those of it that were added before
	number  int // the caller's
	count   int // on the wire
}

// Sent is what left.
type Sent struct {
	Datagrams int
	Bytes     int // of their payloads
}

// A Failure is a datagram that was not sent, or some of the segments that were added as
// one, which have one Failure.
type Failure struct {
	Number    int // as given to Add
	Datagrams int
	Header    source.Header
	Err       error
}

// NewSender returns a Sender for one socket, whose Senders share its Offload.
func NewSender(sock *mmsg.Socket, src *source.Selector, off *Offload) *Sender {
	return &Sender{
		sock: sock, source: src, offload: off,
		out:      sock.NewOut(mmsg.MaxOut, pktinfo.SendSize),
		messages: make([]message, 0, mmsg.MaxOut),
	}
}

// Add takes a datagram or, with a segment size below its length, the segments that are in
// payload. The number is the caller's own, for the Failure. The payload is kept until Flush
// returns. A full Sender sends first.
func (s *Sender) Add(number int, payload []byte, segmentSize int, h *source.Header) {
	if segmentSize > 0 && len(payload) > segmentSize {
		s.addSegments(number, payload, segmentSize, h)
		return
	}
	slot := slotOf(h)
	if i := s.latest.message(slot, len(s.messages)); i >= 0 && s.merge(i, number, payload, h) {
		return
	}
	m := s.begin(h, slot)
	m.size, m.total = len(payload), len(payload)
	s.out.Append(len(s.messages)-1, payload)
	s.note(len(s.messages)-1, number, 1)
}

// arenaSize is the memory for copies in bytes: more than the longest datagram.
const arenaSize = 1 << 16

// AddCopy is Add for callers that use the payload again before Flush. A single datagram must
// not be longer than MaxDatagram, nor a segment.
func (s *Sender) AddCopy(number int, payload []byte, segmentSize int, h *source.Header) {
	if s.arena == nil {
		s.arena = make([]byte, 0, arenaSize)
	}
	chunk := len(payload)
	if segmentSize > 0 && chunk > arenaSize {
		chunk = arenaSize / segmentSize * segmentSize
	}
	for {
		n := min(chunk, len(payload))
		if len(s.arena)+n > arenaSize {
			s.send()
			s.arena = s.arena[:0]
		}
		at := len(s.arena)
		s.arena = append(s.arena, payload[:n]...)
		s.Add(number, s.arena[at:], segmentSize, h)
		if payload = payload[n:]; len(payload) == 0 {
			return
		}
	}
}

// maxPieces is how many pieces of memory one message may have (UIO_MAXIOV).
const maxPieces = 1024

// AddPlain takes a datagram in pieces of memory, with control messages of the caller's
// that name no source. It merges with none.
func (s *Sender) AddPlain(pieces [][]byte, others []byte, h *source.Header) {
	if len(pieces) > maxPieces {
		pieces = [][]byte{slices.Concat(pieces...)}
	}
	m := s.begin(h, noReorder)
	i := len(s.messages) - 1
	if len(others) > 0 {
		s.out.SetControl(i, append(s.out.ControlOf(i), others...))
	}
	size := 0
	for _, p := range pieces {
		s.out.Append(i, p)
		size += len(p)
	}
	m.size, m.total, m.full = size, size, true
	s.note(i, 0, 1)
}

// addSegments takes segments of size bytes as one message or, where the kernel takes none
// or not that many, as several.
func (s *Sender) addSegments(number int, payload []byte, size int, h *source.Header) {
	limit := min(s.offload.Limit(h.Remote.AddrPort.Addr(), size), maxPayload/size)
	chunk := max(limit, 1) * size
	for len(payload) > 0 {
		n := min(chunk, len(payload))
		m := s.begin(h, slotOf(h))
		m.size, m.total, m.full = size, n, true
		i, count := len(s.messages)-1, (n+size-1)/size
		s.out.Append(i, payload[:n])
		s.note(i, number, count)
		if count > 1 {
			s.segment(i)
		}
		payload = payload[n:]
	}
}

// begin begins a message, whose size and total the caller sets.
func (s *Sender) begin(h *source.Header, slot int) *message {
	if len(s.messages) == mmsg.MaxOut {
		s.send()
	}
	s.out.Begin(&h.Remote, s.source.AppendControl(s.out.Control(), h))
	i := len(s.messages)
	s.latest.begun(slot, i)
	s.messages = s.messages[:i+1]
	m := &s.messages[i]
	m.header, m.count, m.full = *h, 0, false
	return m
}

// note notes that message i has another datagram, or count of them that were added as one.
func (s *Sender) note(i, number, count int) {
	s.messages[i].count += count
	s.datagrams = append(s.datagrams, datagram{i, number, count})
}
