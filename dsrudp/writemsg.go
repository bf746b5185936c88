package dsrudp

import (
	"net"
	"net/netip"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// WriteMsgUDP acts like [net.UDPConn.WriteMsgUDP].
//
// When oob names a source (IP_PKTINFO or IPV6_PKTINFO, as in control messages
// received and handed back) the datagram leaves from that, under the same
// guard as WritePacket's; otherwise from where WriteToUDP would send. An
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
	ok := c.targetOf(addr, &t)
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
	c.target(addr, &t)
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
	s, own, err := c.requested(o, oob, addr, t)
	if err != nil {
		return 0, err
	}
	return c.send(o, b, &s, t, own)
}

// requested returns the source that oob asks for, or else the one known for t,
// and the control messages to send besides.
func (c *Conn) requested(o *op, oob []byte, addr *net.UDPAddr, t *target) (s source, own []byte, err error) {
	to := t.addr.Addr()
	if !to.IsValid() {
		to = c.peer.Addr()
	}
	r, found, err := pktinfo.RequestedFor(oob, is4(to))
	if err == nil && !found {
		// A request of the other family, which the kernel would ignore in
		// silence: the send will be refused for it.
		r, found, err = pktinfo.Requested(oob)
	}
	if err != nil {
		return source{}, nil, err
	}
	own = o.oob[:0]
	if len(oob) > 0 {
		own = pktinfo.AppendOthers(own, oob)
	}
	if !r.Src.IsValid() && r.HeaderDst.IsValid() {
		// Control messages handed back of a datagram that was queued before
		// IP_PKTINFO was on: the kernel would ignore the only address in
		// them. It may be a group's, so it has to be local.
		r.Src = c.headerDestination(o, &pktinfo.Info{Dst: r.HeaderDst}).addr
		if !r.Src.IsValid() {
			return source{}, nil, ErrNoPath
		}
	}
	if r.Src.Is4() && c.isGroup4(r.HeaderDst) {
		// Those of a datagram to a group, handed back.
		r.Src = c.groupSource(&pktinfo.Info{Local: r.Src, Dst: r.HeaderDst, IfIndex: r.IfIndex})
	}
	switch {
	case r.Src.IsValid():
		return source{addr: r.Src, ifindex: r.IfIndex, pinned: needsInterface(to)}, own, nil
	case found && r.IfIndex != 0:
		return c.byInterface(o, r.IfIndex, addr, t, to, own)
	}
	// An empty request names nothing.
	s, err = c.sourceFor(o, addr, t)
	return s, own, err
}

// byInterface returns the source for a caller that names only the interface to
// leave by. A peer that is known is still answered from where it wrote to; for
// others, and for groups, the kernel chooses among the interface's addresses.
func (c *Conn) byInterface(o *op, ifindex uint32, addr *net.UDPAddr, t *target, to netip.Addr, own []byte) (s source, _ []byte, err error) {
	s = c.bound // which an unspecified source would override
	if !isGroup(to) {
		if s, err = c.sourceFor(o, addr, t); err != nil {
			return source{}, nil, err
		}
	}
	if !s.addr.IsValid() {
		s.addr = netip.IPv6Unspecified()
		if is4(to) {
			s.addr = netip.IPv4Unspecified()
		}
	}
	s.ifindex, s.pinned = ifindex, true
	return s, own, nil
}

// isGroup4 reports whether a is an IPv4 group or broadcast address.
func (c *Conn) isGroup4(a netip.Addr) bool {
	return a.Is4() && (isGroup(a) || c.guard != nil && c.guard.Broadcast(a))
}

func isGroup(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsMulticast() || a == limitedBroadcast
}

// needsInterface reports whether a datagram to a takes the way out that the
// sender names, as the routing table cannot know it.
func needsInterface(a netip.Addr) bool {
	return isGroup(a) || a.Is6() && a.IsLinkLocalUnicast()
}
