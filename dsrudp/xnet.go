package dsrudp

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/internal/batch"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// ReadBatch acts like ReadBatch of golang.org/x/net's ipv4.PacketConn and
// ipv6.PacketConn, whose messages are one type, on a socket of either family:
// it receives into the Buffers and OOB of ms, sets their N, NN, Flags and Addr,
// and returns how many messages it received, at least one, for which it waits. As
// with ReadPackets it may then return with the first alone.
// The flags are those of recvmsg(2); with MSG_DONTWAIT it does not wait. On other systems
// than Linux they must be 0. Those that are only looked at (MSG_PEEK) count as received, too.
//
// Each Addr is a *net.UDPAddr that carries the datagram's Path, as ReadFrom's
// does, and is all that is allocated. See ReadMsgUDP for the control messages.
// One call takes at most 64 messages, and on other systems than Linux one.
func (c *Conn) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if len(ms) == 0 {
		return 0, nil
	}
	if err := c.readable(true); err != nil {
		return 0, c.readError(err)
	}
	in := c.ins.Get().(*mmsg.In)
	defer c.ins.Put(in)
	k := in.Want(len(ms))
	for i := range ms[:k] {
		in.SetBuffers(i, ms[i].Buffers...)
	}
	n, err := in.Recv(k, flags)
	in.Release(k)
	if err != nil {
		return 0, c.readError(notSupported(err))
	}
	datagrams, bytes := 0, 0
	for i := range ms[:n] {
		m := &ms[i]
		var d datagram
		came := c.message(in, i, &d)
		datagrams += came
		m.N, m.NN, m.Addr = d.N, c.cutControl(&d, m.OOB), nil
		m.Flags = d.Flags
		switch {
		case came == 0: // it is from the error queue, and the address that of a datagram sent
			m.Addr = net.UDPAddrFromAddrPort(c.source.NetAddrPort(&d.From))
			continue
		case d.From.AddrPort.IsValid():
			m.Addr = c.source.UDPAddr(&d.From, &d.Arrival)
		}
		bytes += d.N
	}
	c.counts.received.add(datagrams, bytes)
	return n, nil
}

// WriteBatch acts like WriteBatch of golang.org/x/net's ipv4.PacketConn and
// ipv6.PacketConn: it sends the Buffers of ms to their Addr with few system
// calls, sets their N, and returns how many messages it sent. These are the first
// ones: it stops at the first message that cannot be sent, and returns an error,
// that message's, only if it is the very first. A caller sends the rest again,
// and skips a message that comes back with an error. The flags are those of
// sendmsg(2); on other systems than Linux they must be 0. Each message leaves by itself,
// in the order of ms.
//
// The source of each is found as by WriteMsgUDP, from OOB and from the Path that
// Addr carries.
func (c *Conn) WriteBatch(ms []ipv4.Message, flags int) (n int, err error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	s := c.senders.Get().(*batch.Sender)
	defer c.senders.Put(s)
	memory := c.msgs.Get().(*mmsg.Msg)
	defer c.msgs.Put(memory)
	for n < len(ms) && err == nil {
		to := min(n+mmsg.MaxOut, len(ms))
		added := n
		for ; added < to && err == nil; added++ {
			err = c.addMessage(s, memory, &ms[added])
		}
		k, e := s.FlushInOrder(flags)
		n += k
		if e != nil {
			err = e // of a message before the one that was not added
		}
	}
	datagrams, bytes := 0, 0
	for i := range ms[:n] {
		ms[i].N = payload(&ms[i])
		datagrams += segmentsWith(ms[i].N, ms[i].OOB)
		bytes += ms[i].N
	}
	c.counts.sent.add(datagrams, bytes)
	if n > 0 || err == nil {
		return n, nil // the message after these will show its error again
	}
	addr := ms[0].Addr
	if addr == nil {
		addr = c.raddr
	}
	unsent := segmentsWith(payload(&ms[0]), ms[0].OOB)
	if flags&mmsg.FlagDontWait != 0 && errors.Is(err, mmsg.ErrWouldBlock) {
		unsent = 0 // the caller does not want to wait, and will try again
	}
	return 0, c.writeError(notSupported(err), unsent, addr)
}

// payload returns how many bytes are in m's Buffers.
func payload(m *ipv4.Message) (n int) {
	for _, b := range m.Buffers {
		n += len(b)
	}
	return n
}

// addMessage adds a message of the caller's to s.
func (c *Conn) addMessage(s *batch.Sender, memory *mmsg.Msg, m *ipv4.Message) error {
	var addr *net.UDPAddr
	if m.Addr != nil {
		var isUDP bool
		if addr, isUDP = m.Addr.(*net.UDPAddr); !isUDP {
			return syscall.EINVAL // as net
		}
	}
	var h source.Header
	others, err := c.source.ByControl(m.OOB, memory.Room[:0], addr, &h)
	if err != nil {
		return err
	}
	s.AddPlain(m.Buffers, others, &h)
	return nil
}
