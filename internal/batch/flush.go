package batch

import (
	"iter"
	"os"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// Flush sends what was added, tries every message, and returns what left since the last
// Flush, and what failed, which is the caller's.
func (s *Sender) Flush() (sent Sent, failures []Failure) {
	s.send()
	sent, failures = s.sent, s.failures
	s.sent, s.failures, s.arena, s.waited = Sent{}, nil, s.arena[:0], 0
	return sent, failures
}

// FlushInOrder sends what AddPlain took, and stops at the first failure: it returns how
// many messages left, and the error of the one after them. The flags are those of sendmsg(2);
// with MSG_DONTWAIT it does not wait for room.
func (s *Sender) FlushInOrder(flags int) (n int, err error) {
	for s.next < len(s.messages) && err == nil {
		if err = s.sendBatch(flags); err != nil {
			err = s.source.Explain(err, &s.messages[s.next].header)
		}
	}
	n = s.next
	s.reset()
	s.sent = Sent{}
	return n, err
}

// send tries every message. One message's failure is its own.
func (s *Sender) send() {
	for s.next < len(s.messages) {
		err := s.sendBatch(0)
		if s.Patience > 0 && mayBeEarlier(err) {
			err = s.sendBatch(0)
		}
		switch {
		case err == nil:
		case s.divisible(err):
			s.sendSingly(err)
		default:
			s.fail(err)
		}
	}
	s.reset()
}

// mayBeEarlier reports whether by err the kernel may mean an earlier datagram, to any peer:
// on a connected socket, or with IP_RECVERR, a send returns the error of an ICMP message
// that came meanwhile, and sends nothing. Such an error is consumed, and the next try is
// not concerned. Which errors are of that kind cannot be told (icmp(7)).
func mayBeEarlier(err error) bool {
	_, kernels := err.(*os.SyscallError)
	return kernels && err != mmsg.ErrWouldBlock
}

// sendBatch sends messages from next on, as many as the kernel takes at once. They are
// checked, tried, and where there is no room waited for, checked and tried again. The
// error is that of message next.
func (s *Sender) sendBatch(flags int) error {
	for {
		if err := s.expired(); err != nil {
			return err
		}
		to, err := s.check()
		if err != nil {
			return err
		}
		n, err := s.out.TrySend(s.next, to, flags)
		for range n {
			s.sent.Datagrams += s.messages[s.next].count
			s.sent.Bytes += s.messages[s.next].total
			s.next++
			s.stalled = false
		}
		if err == nil || flags&mmsg.FlagDontWait != 0 {
			return err
		}
		if err := s.wait(err); err != nil {
			return err
		}
	}
}

// check returns up to where the messages may be sent now. The error is that of message
// next, and of no other.
func (s *Sender) check() (to int, err error) {
	for to = s.next; to < len(s.messages); to++ {
		if err := s.source.Check(&s.messages[to].header); err != nil {
			if to == s.next {
				return to, err
			}
			break
		}
	}
	return to, nil
}

// expired returns the error of the write deadline. With Patience it does not count: a
// Server's last replies leave after Close.
func (s *Sender) expired() error {
	if s.Patience > 0 {
		return nil
	}
	return s.sock.WriteExpired()
}

// wait waits for room after a try that failed with err, and returns nil if there is some.
func (s *Sender) wait(err error) error {
	if err != mmsg.ErrWouldBlock || s.stalled {
		return err
	}
	if s.Patience == 0 {
		return s.sock.WaitRoom(0)
	}
	if s.waited < s.Patience {
		start := time.Now()
		err = s.sock.WaitRoom(s.Patience - s.waited)
		s.waited += time.Since(start)
	}
	s.stalled = s.waited >= s.Patience
	return err
}

// divisible reports whether the kernel, which refused the next message with err, may take
// its datagrams one by one.
func (s *Sender) divisible(err error) bool {
	if s.messages[s.next].count == 1 || err == mmsg.ErrWouldBlock { // whatever their length
		return false
	}
	switch mmsg.KindOf(err) {
	case mmsg.TooLong, mmsg.Invalid, mmsg.IO, mmsg.NoBuffer, mmsg.Denied:
		return true
	}
	return mmsg.Refused(err)
}

// sendSingly sends the datagrams of the next message one by one, as the kernel refused
// them as one, and goes on behind it. The kernel may have had reasons that have nothing to
// do with that, such as the source: then each datagram meets with them for itself. Only if
// one leaves was it the offload that failed.
//
// On a connected socket the kernel reports once that nobody listened to an earlier
// datagram (ECONNREFUSED), at the next send. As with net that is the error of the first
// datagram only, which is not sent.
func (s *Sender) sendSingly(refusal error) {
	m := &s.messages[s.next]
	earlier := mmsg.Refused(refusal)
	left := 0
	payload := s.out.Payload(s.next, nil)
	rest := payload
	for d := range s.datagramsOf(s.next) {
		for range d.count {
			p := rest[:min(m.size, len(rest))]
			err := refusal
			if !earlier || len(rest) < len(payload) {
				err = s.sendOne(p, &m.header)
			}
			rest = rest[len(p):]
			if err != nil {
				s.failed(d.number, 1, &m.header, s.source.Explain(err, &m.header))
				continue
			}
			left++
			s.sent.Bytes += len(p)
		}
	}
	s.sent.Datagrams += left
	if left > 0 && !earlier {
		s.offload.Failed(m.header.Remote.AddrPort.Addr(), m.size, m.count, mmsg.KindOf(refusal))
	}
	s.next++
}

// sendOne sends p by itself.
func (s *Sender) sendOne(p []byte, h *source.Header) error {
	if s.single == nil {
		s.single = mmsg.NewMsg()
	}
	control := s.source.AppendControl(s.single.Room[:0], h)
	for {
		if err := s.expired(); err != nil {
			return err
		}
		if err := s.source.Check(h); err != nil {
			return err
		}
		_, err := s.sock.TrySend(s.single, p, control, &h.Remote)
		if err == nil {
			s.stalled = false
			return nil
		}
		if err := s.wait(err); err != nil {
			return err
		}
	}
}

// fail notes that the next message failed, and goes on behind it.
func (s *Sender) fail(err error) {
	m := &s.messages[s.next]
	err = s.source.Explain(err, &m.header)
	for d := range s.datagramsOf(s.next) {
		s.failed(d.number, d.count, &m.header, err)
	}
	s.next++
}

// datagramsOf yields the datagrams of message i, in order.
func (s *Sender) datagramsOf(i int) iter.Seq[datagram] {
	return func(yield func(datagram) bool) {
		for _, d := range s.datagrams {
			if d.message == i && !yield(d) {
				return
			}
		}
	}
}

// failed notes that n datagrams that were added with that number failed.
func (s *Sender) failed(number, n int, h *source.Header, err error) {
	if k := len(s.failures); k > 0 && s.failures[k-1].Number == number {
		s.failures[k-1].Datagrams += n // the segments that were added as one
		return
	}
	s.failures = append(s.failures, Failure{number, n, *h, err})
}

// reset begins anew. It keeps no memory of the caller's.
func (s *Sender) reset() {
	s.out.Reset()
	s.messages, s.datagrams = s.messages[:0], s.datagrams[:0]
	s.next, s.latest.first = 0, 0
}
