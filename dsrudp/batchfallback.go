package dsrudp

import "github.com/dsrudp/go-dsrudp/internal/mmsg"

// divisible reports whether the kernel, which refused the next message with err, may
// take its datagrams one by one.
func (q *batchSender) divisible(err error) bool {
	if q.msgs[q.next].count == 1 {
		return false
	}
	switch mmsg.KindOf(err) {
	case mmsg.TooLong, mmsg.Invalid, mmsg.IO, mmsg.NoBuffer, mmsg.Denied:
		return true
	}
	return mmsg.Refused(err)
}

// oneByOne sends the datagrams of the next message one by one, as the kernel did not
// take them as one, and goes on behind it. It reports false where it would have had to
// wait. The kernel may have had reasons that have nothing to do with that,
// such as the source: then each datagram meets with them for itself. Only if one
// comes through was it the offload that failed.
//
// That nobody listens the kernel says of an earlier datagram, and once, to whoever
// comes next on a connected socket. It is the first one's error then, and the
// others' no more than with net.
func (q *batchSender) oneByOne(wait bool) bool {
	m := &q.msgs[q.next]
	earlier := mmsg.Refused(q.refusal)
	q.scratch = q.batch.Payload(q.next, q.scratch[:0])
	items := q.itemsOf(q.next)
	for ; q.part < m.count; q.part++ {
		at := q.part * m.size
		err := q.refusal
		if q.part > 0 || !earlier {
			err = q.sendOne(m, q.scratch[at:min(at+m.size, len(q.scratch))], wait)
		}
		if err == nil {
			q.sent++
			continue
		}
		if !wait && mmsg.WouldBlock(err) {
			return false
		}
		q.fail(m, items, q.part, 1, q.c.classify(q.o, err, &m.s, &m.t))
		if q.prefix {
			break
		}
	}
	if q.sent > 0 && !earlier {
		q.offloadFailed(m)
	}
	q.next++
	q.refusal, q.part, q.sent = nil, 0, 0
	return true
}

// offloadFailed notes that the kernel took the datagrams of m one by one only.
func (q *batchSender) offloadFailed(m *message) {
	q.c.count.offloadFallbacks.Add(1)
	remote := m.t.addr.Addr()
	switch mmsg.KindOf(q.refusal) {
	case mmsg.TooLong, mmsg.Denied: // a filter may go by the length
		q.c.offload.TooLong(remote, m.size)
	case mmsg.Invalid:
		q.c.offload.Invalid(remote, m.size, m.count)
	case mmsg.IO:
		q.c.offload.Unable(remote)
	}
}

// sendOne sends p as m's other datagrams are.
func (q *batchSender) sendOne(m *message, p []byte, wait bool) error {
	if q.single == nil {
		q.single = q.c.sock.NewOutBatch(1, sendRoom)
		q.single.Within(q.in)
	}
	defer q.single.Reset()
	for {
		q.single.Reset()
		q.single.Gen = q.c.sock.Generation()
		oob, err := q.control(q.single.ControlRoom(), &m.s, &m.t, m.ecn)
		if err != nil {
			return err
		}
		q.single.Begin(q.c.sockaddr(&m.t), m.t.scope, oob)
		q.single.Append(p)
		if n, err := q.transmit(q.single, 0, 1, wait); n > 0 || err != nil {
			return err
		}
	}
}
