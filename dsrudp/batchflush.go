package dsrudp

import "github.com/dsrudp/go-dsrudp/internal/mmsg"

// flush sends what was gathered. One message's failure is its own.
func (q *batchSender) flush() { q.push(true) }

// push is flush that may be kept from waiting. It reports false where it would have
// had to; another push goes on where it stopped.
func (q *batchSender) push(wait bool) (done bool) {
	for q.next < q.batch.Len() {
		if q.refusal == nil && !q.together(wait) {
			return false
		}
		if q.refusal != nil && !q.oneByOne(wait) {
			return false
		}
		if q.prefix && len(q.failed) > 0 {
			break
		}
	}
	q.reset()
	return true
}

// together sends messages from the next one on, and reports false where it would have
// had to wait. It ends at one that the kernel refused, which it leaves to oneByOne if
// that may help.
func (q *batchSender) together(wait bool) bool {
	to := q.revet()
	if to == q.next {
		return true // the one before has failed
	}
	n, err := q.transmit(q.batch, q.next, to, wait)
	q.next += n
	switch {
	case err == nil:
	case !wait && mmsg.WouldBlock(err):
		return false
	case q.divisible(err):
		q.refusal = err
	default:
		q.failNext(q.c.classify(q.o, err, &q.msgs[q.next].s, &q.msgs[q.next].t))
	}
	return true
}

// transmit sends messages [from, to) of a batch.
func (q *batchSender) transmit(b *mmsg.OutBatch, from, to int, wait bool) (int, error) {
	if !wait {
		return b.TryRange(from, to)
	}
	return b.SendRange(from, to, q.flags)
}

// failNext goes on behind the next message, which has failed.
func (q *batchSender) failNext(err error) {
	m := &q.msgs[q.next]
	q.fail(m, q.itemsOf(q.next), 0, m.count, err)
	q.next++
}

// fail notes that n datagrams of m from the k-th on were not sent, whose items these
// are. A train may have several failures, one for each error at least.
func (q *batchSender) fail(m *message, items []int, k, n int, err error) {
	if m.train {
		q.failed = append(q.failed, failure{m.item, n, true, m.s, m.t, err})
		return
	}
	for _, item := range items[k : k+n] {
		q.failed = append(q.failed, failure{item, 1, false, m.s, m.t, err})
	}
}

// reset begins anew, with no message waiting.
func (q *batchSender) reset() {
	q.batch.Reset()
	q.resetMerging()
	q.next = 0
}

// revet returns how far messages may be sent by what the guard says now. They
// have been waiting since it was asked: for others to be gathered, for their turn, or
// for room in the send buffer. If the next message may not be, it has failed.
func (q *batchSender) revet() (to int) {
	gen := q.c.sock.Generation()
	q.batch.Gen = gen
	if q.gen == gen {
		return q.batch.Len()
	}
	for to = q.next; to < q.batch.Len(); to++ {
		m := &q.msgs[to]
		if !m.s.addr.IsValid() || q.c.kernelChecks(&m.s, &m.t) {
			continue
		}
		if _, err := q.c.vet(q.o, &m.s, &m.t); err != nil {
			if to == q.next {
				q.failNext(err)
				return q.next
			}
			return to
		}
	}
	q.gen = gen
	return to
}

// forget lets go of what failed, and of what was not sent for it.
func (q *batchSender) forget() {
	q.reset()
	clear(q.failed)
	q.failed = q.failed[:0]
}
