package dsrudp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// maxBatch is how many messages one system call moves. Most of the gain is
// there at 8 and all of it at 32, and while a raw system call runs the garbage
// collector cannot stop the world.
const maxBatch = 32

// maxPayload is the most that one message holds however many datagrams it is
// cut into: what one IPv4 datagram holds (RFC 768, RFC 791).
const maxPayload = 65535 - 20 - 8

// sendRoom is for the control messages of a send: source, segment size, class.
const sendRoom = pktinfo.SourceSize + 24 + 24

// A sender gathers datagrams and sends them with few system calls. Datagrams of
// one source and target and of equal length that follow each other become one
// message, for the kernel to cut into segments.
//
// Payloads are kept until flush. What could not be sent is in failed afterwards.
type sender struct {
	c       *Conn
	o       *op // the guard's memo, and the memory for sends one by one
	out     *mmsg.Batch
	msgs    [maxBatch]message
	failed  []failure
	scratch []byte

	flags  int  // of the sends
	prefix bool // stop at the first failure
}

// A message is what one element of a batch sends: one datagram, or several of
// equal length of which only the last may be shorter.
type message struct {
	item  int // of the first datagram; the others' follow, unless it is a train
	count int // datagrams
	train bool
	full  bool // nothing may follow
	size  int  // of the first datagram, in bytes
	total int
	limit int // of count, or 0 when that is not known yet
	s     source
	t     target
	ecn   ECN
	oob   []byte
}

// A failure is a datagram or train that was not sent, or not all of it.
type failure struct {
	item int
	s    source
	t    target
	err  error
}

func (c *Conn) newSender() any {
	o := new(op)
	o.msg.Init()
	return &sender{c: c, o: o, out: c.sock.NewBatch(maxBatch, sendRoom)}
}

// add takes a datagram to be sent from s to t. Number tells the caller's items
// apart: those that follow each other have numbers that do. An error is the
// datagram's own, which was not taken.
func (q *sender) add(number int, payload []byte, s *source, t *target, ecn ECN) error {
	if k := q.out.Len(); k > 0 && q.join(&q.msgs[k-1], number, payload, s, t, ecn) {
		return nil
	}
	m, err := q.begin(number, s, t, ecn, nil)
	if err != nil {
		return err
	}
	m.count, m.size, m.total = 1, len(payload), len(payload)
	q.out.Append(payload)
	return nil
}

// join puts a datagram behind those of m, the last message, if it may be.
func (q *sender) join(m *message, number int, payload []byte, s *source, t *target, ecn ECN) bool {
	n := len(payload)
	if m.full || n > m.size || n == 0 || m.s != *s || m.t != *t || m.ecn != ecn ||
		m.total+n > maxPayload || number != m.item+m.count {
		return false
	}
	if m.limit == 0 {
		m.limit = max(1, q.c.offload.Limit(t.addr.Addr(), m.size))
	}
	if m.count >= m.limit || !q.out.Append(payload) {
		return false
	}
	m.count++
	m.total += n
	m.full = n < m.size
	if m.count == 2 {
		m.oob = pktinfo.AppendSegmentSize(m.oob, m.size)
		q.out.Control(m.oob)
	}
	return true
}

// addPieces takes a datagram in several pieces of memory, with control messages
// of the caller's own, none of which names a source.
func (q *sender) addPieces(number int, pieces [][]byte, own []byte, s *source, t *target) error {
	if q.out.Room() < len(pieces) {
		q.flush()
	}
	if q.out.Room() < len(pieces) {
		pieces = [][]byte{slices.Concat(pieces...)}
	}
	m, err := q.begin(number, s, t, NotECT, own)
	if err != nil {
		return err
	}
	m.count, m.full = 1, true
	for _, p := range pieces {
		q.out.Append(p)
	}
	return nil
}

// addTrain takes a train of datagrams of seg bytes, as one message or, where the
// kernel takes no segments or not that many, as several.
func (q *sender) addTrain(number int, payload []byte, seg int, s *source, t *target, ecn ECN) error {
	limit := max(1, min(q.c.offload.Limit(t.addr.Addr(), seg), maxPayload/seg))
	for p := payload; len(p) > 0; {
		m, err := q.begin(number, s, t, ecn, nil)
		if err != nil {
			return err // of the first message, as the others are like it
		}
		n := min(limit*seg, len(p))
		m.train, m.full = true, true
		m.count, m.size, m.total = (n+seg-1)/seg, seg, n
		q.out.Append(p[:n])
		p = p[n:]
		if m.count > 1 {
			m.oob = pktinfo.AppendSegmentSize(m.oob, seg)
			q.out.Control(m.oob)
		}
	}
	return nil
}

// begin starts a message from s to t.
func (q *sender) begin(number int, s *source, t *target, ecn ECN, own []byte) (*message, error) {
	if q.out.Len() == maxBatch || q.out.Room() == 0 {
		q.flush()
	}
	oob, err := q.control(append(q.out.Begin(q.c.to(t), t.scope), own...), s, t, ecn)
	if err != nil {
		q.out.Drop()
		return nil, err
	}
	q.out.Control(oob)
	m := &q.msgs[q.out.Len()-1]
	m.item, m.count, m.train, m.full = number, 0, false, false
	m.size, m.total, m.limit = 0, 0, 0
	m.s, m.t, m.ecn, m.oob = *s, *t, ecn, oob
	return m, nil
}

// control appends to oob the control messages for datagrams from s to t.
func (q *sender) control(oob []byte, s *source, t *target, ecn ECN) (_ []byte, err error) {
	if s.addr.IsValid() {
		if oob, err = q.c.appendSource(q.o, oob, s, t); err != nil {
			return nil, err
		}
	}
	if ecn != NotECT {
		return q.c.appendECN(oob, t, ecn)
	}
	return oob, nil
}

// flush sends what was gathered. One message's failure is its own.
func (q *sender) flush() {
	for from := 0; from < q.out.Len(); {
		n, err := q.out.Send(from, q.flags)
		from += n
		if err == nil {
			continue
		}
		if over(err) {
			// Not the datagram's failure but the socket's: the others would
			// fare no better.
			for ; from < q.out.Len(); from++ {
				q.fail(&q.msgs[from], 0, q.msgs[from].count, q.c.over(err))
			}
			break
		}
		q.retry(from, err)
		from++
		if q.prefix && len(q.failed) > 0 {
			break
		}
	}
	q.out.Reset()
}

// over reports whether a send failed because the deadline passed or the socket
// was closed.
func over(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed)
}

// retry deals with message i, which the kernel refused with err.
func (q *sender) retry(i int, err error) {
	m := &q.msgs[i]
	if m.count > 1 {
		switch kind := mmsg.KindOf(err); kind {
		case mmsg.TooLong, mmsg.Invalid, mmsg.IO, mmsg.NoBuffer:
			q.plainly(i, kind)
			return
		}
	}
	q.fail(m, 0, m.count, q.c.failed(q.o, err, &m.s, &m.t, m.count))
}

// plainly sends the datagrams of message i one by one, as the kernel did not
// take them as one. It may have had reasons that have nothing to do with that,
// such as the source: then each datagram meets with them for itself. Only if one
// comes through was it the offload that failed.
func (q *sender) plainly(i int, kind mmsg.Kind) {
	m := &q.msgs[i]
	c := q.c
	q.scratch = q.out.Payload(i, q.scratch[:0])
	sent := 0
	for k, p := 0, q.scratch; k < m.count; k++ {
		n := min(m.size, len(p))
		oob, err := q.control(q.o.oob[:0], &m.s, &m.t, m.ecn)
		if err == nil {
			_, err = c.sock.Send(&q.o.msg, p[:n], oob, c.to(&m.t), m.t.scope)
		}
		p = p[n:]
		if err == nil {
			sent++
		} else {
			q.fail(m, k, 1, c.failed(q.o, err, &m.s, &m.t, 1))
		}
		if q.prefix && err != nil {
			break
		}
	}
	if sent == 0 {
		return
	}
	c.count.offloadFallbacks.Add(1)
	switch kind {
	case mmsg.TooLong:
		c.offload.TooLong(m.t.addr.Addr(), m.size)
	case mmsg.Invalid:
		c.offload.Invalid(m.count)
	case mmsg.IO:
		c.offload.Unable()
	}
}

// fail notes that n datagrams of m from the k-th on were not sent.
func (q *sender) fail(m *message, k, n int, err error) {
	if m.train {
		if last := len(q.failed) - 1; last < 0 || q.failed[last].item != m.item {
			q.failed = append(q.failed, failure{m.item, m.s, m.t, err})
		}
		return
	}
	for range n {
		q.failed = append(q.failed, failure{m.item + k, m.s, m.t, err})
		k++
	}
}

// forget lets go of what failed.
func (q *sender) forget() {
	clear(q.failed)
	q.failed = q.failed[:0]
}

// to returns what to tell the kernel of a target.
func (c *Conn) to(t *target) netip.AddrPort {
	if c.connected {
		return netip.AddrPort{} // it knows
	}
	return t.addr
}

// appendECN appends a control message that marks a datagram to t with ecn.
func (c *Conn) appendECN(oob []byte, t *target, ecn ECN) ([]byte, error) {
	if !c.classes {
		return nil, unsupported("dsrudp: this system cannot mark datagrams; leave Packet.ECN 0")
	}
	if ecn > CE {
		return nil, fmt.Errorf("dsrudp: %d is no ECN mark, which are 0 to 3: %w", ecn, syscall.EINVAL)
	}
	v4 := is4(t.addr.Addr())
	class := c.class6
	if v4 {
		class = c.class4
	}
	return pktinfo.AppendClass(oob, v4, class&^uint8(CE)|uint8(ecn)), nil
}
