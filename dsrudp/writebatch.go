package dsrudp

import (
	"net"
	"syscall"

	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// WriteBatch acts like WriteBatch of golang.org/x/net's ipv4.PacketConn and
// ipv6.PacketConn: it sends the Buffers of ms to their Addr with few system
// calls, sets their N, and returns how many messages it sent. These are the first
// ones: it stops at the first message that cannot be sent, and returns an error,
// that message's, only if it is the very first. A caller sends the rest again,
// and skips a message that comes back with an error. Flags are those of
// sendmsg(2); on other systems than Linux they must be 0. The order of all is kept: only
// messages that follow each other are given to the kernel as one.
//
// The source of each is found as by WriteMsgUDP, from OOB and from the Path that
// Addr carries.
func (c *Conn) WriteBatch(ms []ipv4.Message, flags int) (n int, err error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if flags != 0 && !mmsg.TakesFlags {
		return 0, c.writeError(errFlags, c.raddr)
	}
	if c.held != nil {
		c.held.flush() // what was written before goes before
	}
	q := c.senders.Get().(*batchSender)
	q.prefix, q.flags = true, flags
	added := 0
	for ; added < len(ms) && err == nil && len(q.failed) == 0; added++ {
		err = q.addMessage(added, &ms[added])
	}
	if err != nil {
		added--
	}
	n = added
	if len(q.failed) == 0 {
		q.flush()
	}
	if len(q.failed) > 0 {
		n, err = q.failed[0].item, q.failed[0].err
	}
	q.forget()
	q.prefix, q.flags = false, 0
	c.senders.Put(q)
	for i := range ms[:n] {
		ms[i].N = 0
		for _, b := range ms[i].Buffers {
			ms[i].N += len(b)
		}
	}
	if err == nil || n > 0 {
		return n, nil // the message after these will show its error again
	}
	addr := ms[0].Addr
	if addr == nil {
		addr = c.raddr
	}
	return 0, c.writeError(err, addr)
}

// addMessage takes a message of the caller's.
func (q *batchSender) addMessage(number int, m *ipv4.Message) error {
	c := q.c
	var addr *net.UDPAddr
	if m.Addr != nil {
		var isUDP bool
		if addr, isUDP = m.Addr.(*net.UDPAddr); !isUDP {
			return syscall.EINVAL // net's word
		}
	}
	var t target
	ok := c.setTargetUDP(addr, &t)
	if c.connected {
		ok, t.addr = addr == nil, c.peer
	}
	if !ok {
		n, _, err := c.conn.WriteMsgUDP(nil, nil, addr)
		return bare(netsRefusal(n, err))
	}
	s, others, err := c.sourceByControl(q.o, m.OOB, addr, &t)
	if err != nil {
		return err
	}
	if len(others) == 0 && len(m.Buffers) == 1 {
		return q.add(number, m.Buffers[0], &s, &t, NotECT)
	}
	return q.addPieces(number, m.Buffers, others, &s, &t)
}
