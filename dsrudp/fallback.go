package dsrudp

import "github.com/dsrudp/go-dsrudp/internal/mmsg"

// retry deals with message i, which the kernel refused with err.
func (q *sender) retry(i int, err error) {
	m := &q.msgs[i]
	if m.count > 1 {
		switch kind := mmsg.KindOf(err); kind {
		case mmsg.TooLong, mmsg.Invalid, mmsg.IO, mmsg.NoBuffer, mmsg.Denied:
			q.plainly(i, kind)
			return
		}
	}
	q.fail(m, q.itemsOf(i), 0, m.count, q.c.classify(q.o, err, &m.s, &m.t))
}

// plainly sends the datagrams of message i one by one, as the kernel did not
// take them as one. It may have had reasons that have nothing to do with that,
// such as the source: then each datagram meets with them for itself. Only if one
// comes through was it the offload that failed.
func (q *sender) plainly(i int, kind mmsg.Kind) {
	m := &q.msgs[i]
	c := q.c
	q.scratch = q.out.Payload(i, q.scratch[:0])
	items := q.itemsOf(i)
	sent := 0
	for k, p := 0, q.scratch; k < m.count; k++ {
		n := min(m.size, len(p))
		err := q.one(m, p[:n])
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
	if sent == 0 {
		return
	}
	c.count.offloadFallbacks.Add(1)
	switch kind {
	case mmsg.TooLong, mmsg.Denied: // a filter may go by the length
		c.offload.TooLong(m.t.addr.Addr(), m.size)
	case mmsg.Invalid:
		c.offload.Invalid(m.t.addr.Addr(), m.size, m.count)
	case mmsg.IO:
		c.offload.Unable(m.t.addr.Addr())
	}
}

// one sends p as m's other datagrams are.
func (q *sender) one(m *message, p []byte) error {
	for {
		oob, err := q.control(q.plain[:0], &m.s, &m.t, m.ecn)
		if err == nil {
			_, err = q.c.sock.Send(&q.o.msg, p, oob, q.c.to(&m.t), m.t.scope)
		}
		if err != mmsg.ErrWaited {
			return err
		}
	}
}

// fail notes that n datagrams of m from the k-th on were not sent, whose items these
// are. A train may have several failures, one for each error at least.
func (q *sender) fail(m *message, items []int, k, n int, err error) {
	if m.train {
		q.failed = append(q.failed, failure{m.item, n, m.s, m.t, err})
		return
	}
	for _, item := range items[k : k+n] {
		q.failed = append(q.failed, failure{item, 1, m.s, m.t, err})
	}
}
