package dsrudp

import (
	"net"
	"net/netip"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// ReadMsgUDP acts like [net.UDPConn.ReadMsgUDP]. See ReadFrom for the address
// it returns.
//
// The control messages of the options that the caller set are stored in oob, and those
// with the datagram's destination (IP_PKTINFO, IPV6_PKTINFO), unless the
// socket is bound to one address. Those that do not fit are cut as the kernel
// cuts them, whatever oob's size; the path is known all the same. At most 512 bytes of
// control messages are received.
func (c *Conn) ReadMsgUDP(b, oob []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	if !c.ok() {
		return 0, 0, 0, nil, syscall.EINVAL
	}
	var d datagram
	if oobn, err = c.readMsg(b, oob, &d); err != nil {
		return 0, 0, 0, nil, err
	}
	if d.From.AddrPort.IsValid() {
		addr = c.source.UDPAddr(&d.From, &d.Arrival)
	}
	return d.N, oobn, d.Flags, addr, nil
}

// ReadMsgUDPAddrPort acts like [net.UDPConn.ReadMsgUDPAddrPort]. See ReadMsgUDP
// for the control messages.
func (c *Conn) ReadMsgUDPAddrPort(b, oob []byte) (n, oobn, flags int, addr netip.AddrPort, err error) {
	if !c.ok() {
		return 0, 0, 0, netip.AddrPort{}, syscall.EINVAL
	}
	var d datagram
	if oobn, err = c.readMsg(b, oob, &d); err != nil {
		return 0, 0, 0, netip.AddrPort{}, err
	}
	return d.N, oobn, d.Flags, c.source.NetAddrPort(&d.From), nil
}

// readMsg receives a datagram, with control messages for the caller. They are received
// into memory that is large enough first: the caller's buffer may not have room for the
// one that the path is in.
func (c *Conn) readMsg(b, oob []byte, d *datagram) (oobn int, err error) {
	m := c.msgs.Get().(*mmsg.Msg)
	defer c.msgs.Put(m)
	if err := c.receive(m, b, d); err != nil {
		return 0, err
	}
	return d.cutControl(oob), nil
}

// cutControl copies d's control messages to oob as the kernel would, flag included. A
// caller that has no buffer asked for none: only its own options' are missed.
func (d *datagram) cutControl(oob []byte) (n int) {
	n, cut, others := pktinfo.Cut(oob, d.Control)
	if cut && (len(oob) > 0 || others) {
		d.Flags |= mmsg.FlagCtrunc
	}
	return n
}

// WriteMsgUDP acts like [net.UDPConn.WriteMsgUDP].
//
// When oob names a source (IP_PKTINFO or IPV6_PKTINFO, as in control messages
// received and handed back) the datagram leaves from that, which is checked as
// WriteToPath's is; otherwise from where WriteToUDP would send. An
// interface index beside a source is left out, as it would override the routing
// table and lose the datagram where requests and replies take different ways,
// unless the scope of either address needs it. An index without a source stays,
// as servers of DHCP and mDNS choose the way out by it; the source is then the one
// known for addr, or of the kernel's choice.
// Oob itself is not changed.
func (c *Conn) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	if !c.ok() {
		return 0, 0, syscall.EINVAL
	}
	if badPort(addr) {
		return c.conn.WriteMsgUDP(nil, nil, addr)
	}
	m := c.msgs.Get().(*mmsg.Msg)
	defer c.msgs.Put(m)
	var h source.Header
	others, err := c.source.ByControl(oob, m.Room[:0], addr, &h)
	if err == nil {
		err = c.send(m, b, others, &h)
	}
	if err != nil {
		return 0, 0, c.writeError(err, 1, opAddr(addr))
	}
	return len(b), len(oob), nil
}

// WriteMsgUDPAddrPort acts like [net.UDPConn.WriteMsgUDPAddrPort]. See
// WriteMsgUDP for the control messages.
func (c *Conn) WriteMsgUDPAddrPort(b, oob []byte, addr netip.AddrPort) (n, oobn int, err error) {
	if !c.ok() {
		return 0, 0, syscall.EINVAL
	}
	m := c.msgs.Get().(*mmsg.Msg)
	defer c.msgs.Put(m)
	var h source.Header
	others, err := c.source.ByControlAddrPort(oob, m.Room[:0], addr, &h)
	if err == nil {
		err = c.send(m, b, others, &h)
	}
	if err != nil {
		return 0, 0, c.writeError(err, 1, addrPortAddr{addr})
	}
	return len(b), len(oob), nil
}
