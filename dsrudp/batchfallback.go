package dsrudp

import "github.com/dsrudp/go-dsrudp/internal/mmsg"

// retry deals with message i, which the kernel refused with err.
func (q *batchSender) retry(i int, err error) {
	if q.divisible(i, err) {
		q.oneByOne(i, err)
		return
	}
	m := &q.msgs[i]
	q.fail(m, q.itemsOf(i), 0, m.count, q.c.classify(q.o, err, &m.s, &m.t))
}

// divisible reports whether the kernel, which refused message i with err, may take its
// datagrams one by one.
func (q *batchSender) divisible(i int, err error) bool {
	if q.msgs[i].count == 1 {
		return false
	}
	switch mmsg.KindOf(err) {
	case mmsg.TooLong, mmsg.Invalid, mmsg.IO, mmsg.NoBuffer, mmsg.Denied:
		return true
	}
	return mmsg.Refused(err)
}

// oneByOne sends the datagrams of message i one by one, as the kernel did not
// take them as one. It may have had reasons that have nothing to do with that,
// such as the source: then each datagram meets with them for itself. Only if one
// comes through was it the offload that failed.
//
// That nobody listens the kernel says of an earlier datagram, and once, to whoever
// comes next on a connected socket. It is the first one's error then, and the
// others' no more than with net.
func (q *batchSender) oneByOne(i int, refusal error) {
	m := &q.msgs[i]
	c := q.c
	earlier := mmsg.Refused(refusal)
	q.scratch = q.batch.Payload(i, q.scratch[:0])
	items := q.itemsOf(i)
	sent := 0
	for k, p := 0, q.scratch; k < m.count; k++ {
		n := min(m.size, len(p))
		err := refusal
		if k > 0 || !earlier {
			err = q.sendOne(m, p[:n])
		}
		p = p[n:]
		if err == nil {
			sent++
		} else {
			q.fail(m, items, k, 1, c.classify(q.o, err, &m.s, &m.t))
		}
		if q.prefix && err != nil {
			break
		}
	}
	if sent == 0 || earlier {
		return
	}
	c.count.offloadFallbacks.Add(1)
	switch mmsg.KindOf(refusal) {
	case mmsg.TooLong, mmsg.Denied: // a filter may go by the length
		c.offload.TooLong(m.t.addr.Addr(), m.size)
	case mmsg.Invalid:
		c.offload.Invalid(m.t.addr.Addr(), m.size, m.count)
	case mmsg.IO:
		c.offload.Unable(m.t.addr.Addr())
	}
}

// sendOne sends p as m's other datagrams are.
func (q *batchSender) sendOne(m *message, p []byte) error {
	for {
		oob, err := q.control(q.plain[:0], &m.s, &m.t, m.ecn)
		if err == nil {
			_, err = q.c.sock.Send(&q.o.msg, p, oob, q.c.sockaddr(&m.t), m.t.scope)
		}
		if err != mmsg.ErrOutdated {
			return err
		}
	}
}

// fail notes that n datagrams of m from the k-th on were not sent, whose items these
// are. A train may have several failures, one for each error at least.
func (q *batchSender) fail(m *message, items []int, k, n int, err error) {
	if m.train {
		q.failed = append(q.failed, failure{m.item, n, m.s, m.t, err})
		return
	}
	for _, item := range items[k : k+n] {
		q.failed = append(q.failed, failure{item, 1, m.s, m.t, err})
	}
}
