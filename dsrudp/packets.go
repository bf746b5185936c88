package dsrudp

import (
	"errors"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/batch"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// ReadPackets receives datagrams into the buffers of ps, one for each Packet, and returns
// how many. It waits for the first, and returns with as many as are there, but not with
// many more than the call before it did: datagrams that follow may be left for the next call.
// It fills in the Packets and allocates nothing. Err is not nil only if n is 0.
//
// One call takes at most 64 datagrams with one system call; on other
// systems than Linux it takes one. A datagram that is longer than its buffer is cut, and
// Truncated is set; on Windows it is an error, as with net, and n is 0. With
// [ListenConfig.GRO] a buffer must have 64 KiB to hold what the kernel joins.
func (c *Conn) ReadPackets(ps []Packet) (n int, err error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if len(ps) == 0 {
		return 0, nil
	}
	if err := c.readable(false); err != nil {
		return 0, c.readError(err)
	}
	in := c.ins.Get().(*mmsg.In)
	defer c.ins.Put(in)
	k := in.Want(len(ps))
	for i := range ps[:k] {
		in.SetBuffer(i, ps[i].Buf)
	}
	n, err = in.Recv(k, 0)
	in.Release(k)
	if err != nil {
		return 0, c.readError(err)
	}
	datagrams, bytes := 0, 0
	for i := range ps[:n] {
		var d datagram
		datagrams += c.message(in, i, &d)
		bytes += d.N
		ps[i].fill(c, ps[i].Buf, &d)
	}
	c.counts.received.add(datagrams, bytes)
	return n, nil
}

// message stores in d, which is zero, what message i of a receive brought, and returns how
// many datagrams that is. All datagrams of a batch come by here, as single ones by receive.
func (c *Conn) message(in *mmsg.In, i int, d *datagram) (datagrams int) {
	in.Message(i, &d.Received)
	if d.Flags&mmsg.FlagErrQueue != 0 {
		return 0 // but what became of one of ours
	}
	c.arrived(d)
	return segments(d.N, d.SegmentSize)
}

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
// [Stats.OffloadFallbacks]. So they are when a connected socket has to report that nobody
// listened to an earlier datagram (ECONNREFUSED): that is the first one's error, which is
// not sent.
func (c *Conn) WritePackets(ps []Packet) (n int, err error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	s := c.senders.Get().(*batch.Sender)
	defer c.senders.Put(s)
	bad := 0
	for i := range ps {
		p := &ps[i]
		p.Err = nil
		var h source.Header
		if err := c.header(p, &h); err != nil {
			p.Err = c.writeError(err, p.datagrams(), addrPortUDPAddr{source.Unmap(p.Path.Remote)})
			bad++
			continue
		}
		s.Add(i, p.Payload(), p.SegmentSize, &h)
	}
	failures := c.flush(s)
	for _, f := range failures {
		ps[f.Number].Err = c.writeError(f.Err, f.Datagrams, addrPortUDPAddr{source.Unmap(ps[f.Number].Path.Remote)})
		bad++
	}
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

// flush sends what s has gathered, counts what left, and returns what did not.
func (c *Conn) flush(s *batch.Sender) []batch.Failure {
	sent, failures := s.Flush()
	c.counts.sent.add(sent.Datagrams, sent.Bytes)
	return failures
}

// header stores in h, which is zero, how p is to leave.
func (c *Conn) header(p *Packet, h *source.Header) error {
	if err := p.check(); err != nil {
		return err
	}
	h.ECN = uint8(p.ECN)
	if err := c.source.ByPath(p.Path.Local, p.Path.Remote, h); err != nil {
		return err
	}
	c.source.LeaveBy(uint32(p.Interface), h)
	return nil
}
