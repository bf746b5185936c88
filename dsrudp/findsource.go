package dsrudp

import (
	"net"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

// How a send finds its source: in the order in which the package's documentation lists
// the ways. Each that is given less than it needs leaves it to the next.

// sourceByPath returns the source that a Path's Local asks for.
func (c *Conn) sourceByPath(local, remote netip.AddrPort) (source, error) {
	if c.plain4(&local) {
		return source{addr: local.Addr()}, nil // what the rest comes to: a matter of speed
	}
	return c.sourceByAnyPath(local, remote)
}

// plain4 reports whether a Path's Local is an IPv4 address to send from as it is.
func (c *Conn) plain4(local *netip.AddrPort) bool {
	return local.Addr().Is4() && local.Port() == c.port && local.Addr() != netip.IPv4Unspecified()
}

// sourceByAnyPath is sourceByPath for every Local, IPv6 and the ones to refuse too.
func (c *Conn) sourceByAnyPath(local, remote netip.AddrPort) (source, error) {
	addr := local.Addr()
	if !addr.IsValid() {
		return source{}, ErrNoPath
	}
	if p := local.Port(); p != 0 && p != c.port {
		return source{}, &sourceError{addr, remote.Addr(), whyPort, nil}
	}
	// Without the zone first: netip does not call "::%eth0" unspecified.
	s := source{addr: addr.WithZone("").Unmap()}
	if scoped(s.addr) {
		if s.ifindex = c.zones.Index(addr.Zone()); s.ifindex == 0 && addr.Zone() != "" {
			return source{}, &sourceError{addr, remote.Addr(), whyZone, nil}
		}
	}
	if s.addr.IsUnspecified() && s.ifindex == 0 {
		// Sending it would be leaving the choice to the kernel.
		return source{}, ErrNoPath
	}
	return s, nil
}

// sourceByControl returns the source that oob asks for, or else the one known for t,
// and the control messages to send besides.
func (c *Conn) sourceByControl(o *op, oob []byte, addr *net.UDPAddr, t *target) (s source, others []byte, err error) {
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
	others = o.oob[:0]
	if len(oob) > 0 {
		others = pktinfo.AppendOthers(others, oob)
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
		return source{addr: r.Src, ifindex: r.IfIndex, pinned: needsInterface(to)}, others, nil
	case found && r.IfIndex != 0:
		return c.sourceByInterface(o, r.IfIndex, addr, t, to, others)
	}
	// An empty request names nothing.
	s, err = c.sourceByAddr(o, addr, t)
	return s, others, err
}

// sourceByInterface returns the source for a caller that names only the interface to
// leave by. A peer that is known is still answered from where it wrote to; for
// others, and for groups, the kernel chooses among the interface's addresses.
func (c *Conn) sourceByInterface(o *op, ifindex uint32, addr *net.UDPAddr, t *target, to netip.Addr, others []byte) (s source, _ []byte, err error) {
	s = c.bound // which an unspecified source would override
	if !isGroup(to) {
		if s, err = c.sourceByAddr(o, addr, t); err != nil {
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
	return s, others, nil
}

// sourceByAddr returns the source for a send to addr, which may carry one.
func (c *Conn) sourceByAddr(o *op, addr *net.UDPAddr, t *target) (source, error) {
	if local, group, ok := udpaddr.Parse(addr); ok && group == c.groupID {
		return c.sourceByPath(local, t.addr) // which is ErrNoPath if local was lost
	}
	return c.sourceByMemory(o, t)
}

// sourceByMemory returns the source for a send that is given only where to. One that is
// not valid means the kernel's choice.
func (c *Conn) sourceByMemory(o *op, t *target) (source, error) {
	if c.bound.addr.IsValid() {
		return c.bound, nil
	}
	state := pathmem.Unknown
	var s source
	if c.memory != nil {
		s.addr, s.ifindex, state = o.memory.Find(t.addr, t.scope)
	}
	switch state {
	case pathmem.Known:
		return s, nil
	case pathmem.Lost:
		return source{}, ErrNoPath
	case pathmem.Ambiguous:
		c.count.ambiguousPath.Add(1)
	default:
		c.count.unknownPath.Add(1)
	}
	if c.strict {
		return source{}, ErrNoPath
	}
	return s, nil
}
