package dsrudp

import "github.com/dsrudp/go-dsrudp/internal/mmsg"

// flush sends what was gathered. One message's failure is its own.
func (q *sender) flush() { q.push(q.flags) }

// push is flush with other flags. It reports false when it was not to wait and
// would have had to; another push goes on where it stopped.
func (q *sender) push(flags int) (done bool) {
	for q.next < q.out.Len() {
		to, err := q.vouched()
		if to == q.next {
			m := &q.msgs[to]
			q.fail(m, q.itemsOf(to), 0, m.count, err)
			q.next++
		} else {
			n, err := q.out.SendRange(q.next, to, flags)
			q.next += n
			switch {
			case err == nil:
				continue
			case mmsg.WouldBlock(err) && !q.prefix:
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

// reset begins anew, with no message waiting.
func (q *sender) reset() {
	q.out.Reset()
	q.regroup()
	q.next = 0
}

// vouched returns how far messages may be sent by what the guard says now. They
// have been waiting since it was asked: for others to be gathered, or for room in
// the send buffer. The error is of the message that it ends at, if that is the
// next.
func (q *sender) vouched() (to int, err error) {
	guard := q.c.guard
	if guard == nil {
		return q.out.Len(), nil
	}
	gen := guard.Generation()
	if q.gen == gen {
		return q.out.Len(), nil
	}
	for to = q.next; to < q.out.Len(); to++ {
		m := &q.msgs[to]
		if !m.s.addr.IsValid() || q.c.kernelChecks(&m.s, &m.t) {
			continue
		}
		if _, err := q.c.vet(q.o, &m.s, &m.t); err != nil {
			return to, err
		}
	}
	q.gen = gen
	return to, nil
}

// forget lets go of what failed, and of what was not sent for it.
func (q *sender) forget() {
	q.reset()
	clear(q.failed)
	q.failed = q.failed[:0]
}
