package dsrudp

import (
	"slices"

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

// maxDatagram is the longest payload that any datagram can have: IPv6 does not
// count its header (RFC 8200).
const maxDatagram = 65535 - 8

// sendRoom is for the control messages of a send: source, segment size, class.
const sendRoom = pktinfo.SourceSize + 24 + 24

// A batchSender gathers datagrams and sends them with few system calls. Datagrams of
// one source and target and of equal length become one message, for the kernel to
// cut into segments, whatever others were gathered between them: it is those of one
// path whose order counts, and that is kept.
//
// Payloads are kept until all was sent. What could not be is in failed afterwards.
type batchSender struct {
	c     *Conn
	o     *op // for the guard's memo
	batch *mmsg.OutBatch
	msgs  [maxBatch]message
	merging
	failed []failure
	in     *mmsg.InBatch // whose Loop sends are made in, or nil

	// Of the next message, whose datagrams are sent one by one.
	refusal error // of sending them together; nil if that is to be tried first
	part    int   // the datagram to send now
	sent    int   // datagrams
	scratch []byte
	single  *mmsg.OutBatch

	gen    uint64 // of the guard's answers about all messages; 0, which is no guard's, if there are several
	next   int    // the first message not sent yet
	flags  int    // of the sends
	prefix bool   // stop at the first failure, and change no order
}

// A message is what one element of a batch sends: one datagram, or several of
// equal length of which only the last may be shorter.
type message struct {
	item  int // of the train or the first datagram; see merging.followers for the others
	count int // datagrams
	train bool
	full  bool // nothing may follow
	size  int  // of the first datagram, in bytes
	total int
	limit int // of count, or 0 when that is not known yet
	s     source
	t     target
	ecn   ECN
}

// A failure is a datagram or train that was not sent, or not all of it.
type failure struct {
	item  int
	n     int  // datagrams
	train bool // of which several failures may tell
	s     source
	t     target
	err   error
}

func (c *Conn) newBatchSender() any {
	return &batchSender{c: c, o: c.newOp().(*op), batch: c.sock.NewOutBatch(maxBatch, sendRoom)}
}

// within has sends made in in's Loop while that runs.
func (q *batchSender) within(in *mmsg.InBatch) {
	q.in = in
	q.batch.Within(in)
}

// add takes a datagram to be sent from s to t. Number is the caller's own for it. An
// error is the datagram's own, which was not taken.
func (q *batchSender) add(number int, payload []byte, s *source, t *target, ecn ECN) error {
	slot := q.slot(s, t)
	if i := q.latest(slot); i >= 0 && q.merge(i, number, payload, s, t, ecn) {
		return nil
	}
	m, err := q.begin(number, slot, s, t, ecn)
	if err != nil {
		return err
	}
	m.count, m.size, m.total = 1, len(payload), len(payload)
	q.batch.Append(payload)
	return nil
}

// addPieces takes a datagram in several pieces of memory, with control messages
// of the caller's own, none of which names a source.
func (q *batchSender) addPieces(number int, buffers [][]byte, others []byte, s *source, t *target) error {
	if q.batch.Room() < len(buffers) {
		q.flush()
	}
	if q.batch.Room() < len(buffers) {
		buffers = [][]byte{slices.Concat(buffers...)}
	}
	m, err := q.begin(number, q.slot(s, t), s, t, NotECT)
	if err != nil {
		return err
	}
	if len(others) > 0 {
		i := q.batch.Len() - 1
		q.batch.Control(i, append(q.batch.Controls(i), others...))
	}
	m.count, m.full = 1, true
	for _, p := range buffers {
		q.batch.Append(p)
	}
	return nil
}

// addTrain takes a train of datagrams of seg bytes, as one message or, where the
// kernel takes no segments or not that many, as several.
func (q *batchSender) addTrain(number int, payload []byte, seg int, s *source, t *target, ecn ECN) error {
	limit := max(1, min(q.c.offload.Limit(t.addr.Addr(), seg), maxPayload/seg))
	for p := payload; len(p) > 0; {
		m, err := q.begin(number, q.slot(s, t), s, t, ecn)
		if err != nil && len(p) < len(payload) {
			// The source was withdrawn since the first message.
			q.failed = append(q.failed, failure{number, pieces(len(p), seg), true, *s, *t, err})
			return nil
		}
		if err != nil {
			return err
		}
		n := min(limit*seg, len(p))
		m.train, m.full = true, true
		m.count, m.size, m.total = pieces(n, seg), seg, n
		q.batch.Append(p[:n])
		p = p[n:]
		if m.count > 1 {
			q.segment(q.batch.Len() - 1)
		}
	}
	return nil
}

// begin starts a message from s to t, whose slot that is.
func (q *batchSender) begin(number, slot int, s *source, t *target, ecn ECN) (*message, error) {
	if q.batch.Len() == maxBatch || q.batch.Room() == 0 {
		q.flush()
	}
	gen := q.c.sock.Generation() // before the guard is asked
	if q.batch.Len() == 0 {
		q.gen = gen
	} else if q.gen != gen {
		q.gen = 0
	}
	oob, err := q.control(q.batch.ControlRoom(), s, t, ecn)
	if err != nil {
		return nil, err
	}
	q.batch.Begin(q.c.sockaddr(t), t.scope, oob)
	i := q.batch.Len() - 1
	q.begun(slot, i)
	m := &q.msgs[i]
	m.item, m.count, m.train, m.full = number, 0, false, false
	m.size, m.total, m.limit = 0, 0, 0
	m.s = *s // not both in one statement, which would copy them twice
	m.t = *t
	m.ecn = ecn
	return m, nil
}

// control appends to oob the control messages for datagrams from s to t.
func (q *batchSender) control(oob []byte, s *source, t *target, ecn ECN) (_ []byte, err error) {
	if oob, err = q.c.appendSource(q.o, oob, s, t); err != nil {
		return nil, err
	}
	if ecn != NotECT {
		return q.c.appendECN(oob, t, ecn)
	}
	return oob, nil
}
