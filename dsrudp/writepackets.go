package dsrudp

import (
	"errors"
	"fmt"
	"syscall"
)

// WritePackets sends each of ps along its Path, as WriteToPath does, with few
// system calls, and allocates nothing when all goes well. It tries every Packet,
// and none twice. N is how many the kernel took; the others have the reason in
// Packet.Err, and err joins them. The buffers are the caller's again when it
// returns.
//
// Packets of one Path leave in their order. Those that follow each other within it with
// one length (but the last, which may be shorter) and one ECN mark are given to the
// kernel as one, as far as its limits go, to cut into segments again (UDP_SEGMENT),
// unless [ListenConfig.NoOffload] says otherwise. They may so leave before Packets of
// other Paths that came between them.
// Where a device or path does not take that they are sent one by one; see
// [Stats.OffloadFallbacks]. So they are when a connected socket has to tell that nobody
// listened to an earlier datagram (ECONNREFUSED): that is the first one's error, which is
// not sent.
func (c *Conn) WritePackets(ps []Packet) (n int, err error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if c.held != nil {
		c.held.flush() // what was written before goes before
	}
	q := c.senders.Get().(*batchSender)
	bad := 0
	for i := range ps {
		p := &ps[i]
		p.Err = nil
		if err := q.addPacket(i, p); err != nil {
			p.Err = c.writeErrors(err, p.datagrams(), addrPortAddr{p.Path.Remote})
			bad++
		}
	}
	q.flush()
	for _, f := range q.failed {
		p := &ps[f.item]
		c.countUnsent(f.err, f.n)
		if p.Err == nil {
			p.Err = c.opError(f.err, addrPortAddr{p.Path.Remote})
			bad++
		}
	}
	q.forget()
	c.senders.Put(q)
	if bad == 0 {
		return len(ps), nil
	}
	var errs []error
	for i := range ps {
		if ps[i].Err != nil {
			errs = append(errs, ps[i].Err)
		}
	}
	return len(ps) - bad, errors.Join(errs...)
}

// addPacket takes a Packet of the caller's.
func (q *batchSender) addPacket(number int, p *Packet) error {
	var s source
	var t target
	if err := q.c.endpoints(p, &s, &t); err != nil {
		return err
	}
	return q.addPayload(number, p.Buf[:p.N], p, &s, &t)
}

// addPayload takes p with another buffer.
func (q *batchSender) addPayload(number int, payload []byte, p *Packet, s *source, t *target) error {
	if p.SegmentSize > 0 && len(payload) > p.SegmentSize {
		return q.addTrain(number, payload, p.SegmentSize, s, t, p.ECN)
	}
	return q.add(number, payload, s, t, p.ECN)
}

// endpoints sets s and t, which are zero, to where from and where to p goes.
func (c *Conn) endpoints(p *Packet, s *source, t *target) error {
	if p.N < 0 || p.N > len(p.Buf) {
		return fmt.Errorf("dsrudp: Packet.N is %d and its buffer has %d bytes: %w", p.N, len(p.Buf), syscall.EINVAL)
	}
	if p.SegmentSize < 0 {
		return fmt.Errorf("dsrudp: Packet.SegmentSize is %d: %w", p.SegmentSize, syscall.EINVAL)
	}
	local, remote := &p.Path.Local, &p.Path.Remote
	if !c.connected && remote.Addr().Is4() && c.plain4(local) {
		s.addr, t.addr = local.Addr(), *remote // what the rest comes to: a matter of speed
		return nil
	}
	return c.anyEndpoints(p.Path, s, t)
}

// anyEndpoints is endpoints for every Path, those to refuse too.
func (c *Conn) anyEndpoints(p Path, s *source, t *target) (err error) {
	if c.refusesRemote(p.Remote) {
		return bare(netsRefusal(c.conn.WriteToUDPAddrPort(nil, p.Remote)))
	}
	c.setTarget(p.Remote, t)
	*s, err = c.sourceByPath(p.Local, p.Remote)
	return err
}
