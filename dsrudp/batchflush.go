package dsrudp

import "github.com/dsrudp/go-dsrudp/internal/mmsg"

// flush sends what was gathered. One message's failure is its own.
func (q *batchSender) flush() { q.push(true) }

// push is flush that may be kept from waiting. It reports false where it would have
// had to; another push goes on where it stopped.
func (q *batchSender) push(wait bool) (done bool) {
	for q.next < q.batch.Len() {
		if to := q.vetted(); to > q.next {
			n, err := q.transmit(to, wait)
			q.next += n
			switch {
			case err == nil:
			case !wait && (mmsg.WouldBlock(err) || q.divisible(q.next, err)):
				return false
			default:
				q.retry(q.next, err)
				q.next++
			}
		}
		if q.prefix && len(q.failed) > 0 {
			break
		}
	}
	q.reset()
	return true
}

// transmit sends messages from the next one up to, but not including, to.
func (q *batchSender) transmit(to int, wait bool) (int, error) {
	if !wait {
		return q.batch.TryRange(q.next, to, q.flags)
	}
	return q.batch.SendRange(q.next, to, q.flags)
}

// reset begins anew, with no message waiting.
func (q *batchSender) reset() {
	q.batch.Reset()
	q.resetMerging()
	q.next = 0
}

// vetted returns how far messages may be sent by what the guard says now. They
// have been waiting since it was asked: for others to be gathered, or for room in
// the send buffer. If the next message may not be, it has failed.
func (q *batchSender) vetted() (to int) {
	guard := q.c.guard
	if guard == nil {
		return q.batch.Len()
	}
	gen := guard.Generation()
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
				q.fail(m, q.itemsOf(to), 0, m.count, err)
				q.next++
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
