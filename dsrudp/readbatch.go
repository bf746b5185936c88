package dsrudp

import (
	"syscall"

	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// ReadBatch acts like ReadBatch of golang.org/x/net's ipv4.PacketConn and
// ipv6.PacketConn, whose messages are one type, on a socket of either family:
// it receives into the Buffers and OOB of ms, sets their N, NN, Flags and Addr,
// and returns how many messages it received, at least one, for which it waits. As
// with ReadPackets it may then return with the first alone.
// Flags are those of recvmsg(2); with MSG_DONTWAIT it does not wait. On other systems
// than Linux they must be 0.
//
// Each Addr is a *net.UDPAddr that carries the datagram's Path, as ReadFrom's
// does, and is all that is allocated. See ReadMsgUDP for the control messages.
// One call takes at most 32 messages, and on other systems than Linux one.
func (c *Conn) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if len(ms) == 0 {
		return 0, nil
	}
	if err := c.refusesReads(); err != nil {
		return 0, c.readError(err)
	}
	if c.ahead != nil {
		return 0, c.readError(errAheadBatch)
	}
	if flags != 0 && !mmsg.TakesFlags {
		return 0, c.readError(errFlags)
	}
	r := c.receivers.Get().(*batchReceiver)
	defer c.receivers.Put(r)
	k := min(len(ms), maxBatch)
	for i := range ms[:k] {
		r.batch.SetBuffers(i, ms[i].Buffers)
	}
	n, err := r.batch.Recv(k, flags)
	r.batch.Release(k)
	if err != nil {
		return 0, c.readError(err)
	}
	for i := range ms[:n] {
		c.fillMessage(r, i, &ms[i])
	}
	return n, nil
}

// fillMessage fills in m with what message i of a receive brought.
func (c *Conn) fillMessage(r *batchReceiver, i int, m *ipv4.Message) {
	oob := r.batch.OOB(i)
	var d datagram
	r.batch.Received(i, &d.Received)
	if d.Flags&mmsg.FlagErrQueue == 0 { // which has no datagrams, but what became of ours
		c.learn(r.o, &d, oob)
	}
	m.N = d.N
	cut, others := false, false
	m.NN, cut, others = pktinfo.Cut(m.OOB, oob)
	m.Flags = d.Flags
	if cut && (len(m.OOB) > 0 || others) {
		m.Flags |= mmsg.FlagCtrunc
	}
	m.Addr = nil
	if d.From.IsValid() {
		m.Addr = c.addr(&d)
	}
}
