package dsrudp

import (
	"net"
	"net/netip"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// ReadMsgUDP acts like [net.UDPConn.ReadMsgUDP]. See ReadFrom for the address
// it returns.
//
// Oob gets the control messages of the options that the caller set, and those
// that tell the datagram's destination (IP_PKTINFO, IPV6_PKTINFO), unless the
// socket is bound to one address. Those that do not fit are cut as the kernel
// cuts them, whatever oob's size; the path is known all the same.
func (c *Conn) ReadMsgUDP(b, oob []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	if !c.ok() {
		return 0, 0, 0, nil, syscall.EINVAL
	}
	var d datagram
	err = c.readMsg(b, oob, &d)
	if err != nil {
		return 0, 0, 0, nil, err
	}
	if d.From.IsValid() {
		addr = c.addr(&d)
	}
	return d.N, d.OOBN, d.Flags, addr, nil
}

// ReadMsgUDPAddrPort acts like [net.UDPConn.ReadMsgUDPAddrPort]. See ReadMsgUDP
// for the control messages.
func (c *Conn) ReadMsgUDPAddrPort(b, oob []byte) (n, oobn, flags int, addr netip.AddrPort, err error) {
	if !c.ok() {
		return 0, 0, 0, netip.AddrPort{}, syscall.EINVAL
	}
	var d datagram
	err = c.readMsg(b, oob, &d)
	if err != nil {
		return 0, 0, 0, netip.AddrPort{}, err
	}
	return d.N, d.OOBN, d.Flags, c.remote(&d), nil
}

// readMsg receives a datagram with control messages for the caller. They are
// received into memory that is large enough first: the caller's buffer may not
// have room for the one that the path is in.
func (c *Conn) readMsg(b, oob []byte, d *datagram) error {
	o := c.op()
	defer c.done(o)
	if len(oob) >= len(o.oob) {
		if err := c.receive(o, b, oob, d); err != nil {
			return c.readError(err)
		}
		return nil
	}
	if err := c.receive(o, b, o.oob[:], d); err != nil {
		return c.readError(err)
	}
	n, cut, others := pktinfo.Cut(oob, o.oob[:d.OOBN])
	d.OOBN = n
	// A caller that has no buffer asked for no control messages: only its own
	// options' are missed.
	if cut && (len(oob) > 0 || others) {
		d.Flags |= mmsg.FlagCtrunc
	}
	return nil
}
