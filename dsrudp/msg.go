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
// The control messages of the options that the caller set, ListenConfig.ECN among them, are
// stored in oob first, and are cut where it is too short, with MSG_CTRUNC among the flags,
// as net's are. Behind them come those with the datagram's destination (IP_PKTINFO,
// IPV6_PKTINFO), which this package has the kernel add unless it listens on one address
// without ListenConfig.ReplyByInterface, as far as they fit whole. Where the caller set the
// option for one of those too, it is the caller's own if it was set in ListenConfig.Control
// or before NewConn; later it makes no difference. The path is known whatever oob's size. At
// most 512 bytes of control messages are received.
//
// With an error the address is the unspecified one with port 0, as net's is, and n is 0,
// where net's is -1 after some.
func (c *Conn) ReadMsgUDP(b, oob []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	if !c.ok() {
		return 0, 0, 0, nil, syscall.EINVAL
	}
	var d datagram
	if oobn, err = c.readMsg(b, oob, &d); err != nil {
		return 0, 0, 0, net.UDPAddrFromAddrPort(c.noAddr()), err
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
		return 0, 0, 0, c.noAddr(), err
	}
	return d.N, oobn, d.Flags, c.source.NetAddrPort(&d.From), nil
}

// noAddr returns the address that net returns beside an error.
func (c *Conn) noAddr() netip.AddrPort {
	if c.source.Family == pktinfo.IPv4 {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
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
	return c.cutControl(d, oob), nil
}

// cutControl copies d's control messages to oob, and sets the flag if some of the caller's
// own were cut.
func (c *Conn) cutControl(d *datagram, oob []byte) (n int) {
	n, cut := pktinfo.Cut(oob, d.Control, c.own)
	if cut {
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
// The bytes of oob are not changed.
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
		return 0, 0, c.writeError(err, segmentsWith(len(b), oob), opAddr(addr))
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
		return 0, 0, c.writeError(err, segmentsWith(len(b), oob), addrPortUDPAddr{addr})
	}
	return len(b), len(oob), nil
}
