package dsrudp

import (
	"net"
	"net/netip"
	"syscall"
)

// WriteMsgUDP acts like [net.UDPConn.WriteMsgUDP].
//
// When oob names a source (IP_PKTINFO or IPV6_PKTINFO, as in control messages
// received and handed back) the datagram leaves from that, under the same
// guard as WriteToPath's; otherwise from where WriteToUDP would send. An
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
	var t target
	ok := c.setTargetUDP(addr, &t)
	if c.connected {
		ok = addr == nil // to the peer
	}
	if !ok {
		n, _, err = c.conn.WriteMsgUDP(nil, nil, addr)
		return 0, 0, netsRefusal(n, err)
	}
	n, err = c.writeMsg(b, oob, addr, &t)
	if err != nil {
		return 0, 0, c.writeError(err, opAddr(addr))
	}
	return n, len(oob), nil
}

// WriteMsgUDPAddrPort acts like [net.UDPConn.WriteMsgUDPAddrPort]. See
// WriteMsgUDP for the control messages.
func (c *Conn) WriteMsgUDPAddrPort(b, oob []byte, addr netip.AddrPort) (n, oobn int, err error) {
	if !c.ok() {
		return 0, 0, syscall.EINVAL
	}
	if addr.IsValid() == c.connected || addr.IsValid() && !c.inet6() && !is4(addr.Addr()) {
		n, _, err = c.conn.WriteMsgUDPAddrPort(nil, nil, addr)
		return 0, 0, netsRefusal(n, err)
	}
	var t target
	c.setTarget(addr, &t)
	n, err = c.writeMsg(b, oob, nil, &t)
	if err != nil {
		return 0, 0, c.writeError(err, addrPortAddr{addr})
	}
	return n, len(oob), nil
}

// writeMsg sends b with the caller's control messages to t, or on a connected
// socket to the peer. Addr is t where it may carry a path, else nil.
func (c *Conn) writeMsg(b, oob []byte, addr *net.UDPAddr, t *target) (int, error) {
	o := c.op()
	defer c.done(o)
	s, others, err := c.sourceByControl(o, oob, addr, t)
	if err != nil {
		return 0, err
	}
	return c.send(o, b, &s, t, others)
}
