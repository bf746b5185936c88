package dsrudp

import (
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// A target is where a datagram goes: a remote address in any form, without
// zone, and the interface index of a link-local one.
type target struct {
	addr  netip.AddrPort
	scope uint32
}

// send sends b to t from the local address s, or from the one that the kernel
// chooses when s is not valid. All writes end here. Oob holds control messages
// of the caller's own, none of which names a source; it is o.oob[:n] or nil.
func (c *Conn) send(o *op, b []byte, s *source, t *target, oob []byte) (int, error) {
	to := c.to(t)
	if to == nil {
		t = &target{addr: c.peer, scope: t.scope}
	}
	if c.held != nil {
		if taken, err := c.hold(b, s, t, oob); taken || err != nil {
			return len(b), err
		}
	}
	if oob == nil {
		oob = o.oob[:0]
	}
	for {
		all, err := c.appendSource(o, oob, s, t)
		if err != nil {
			return 0, err
		}
		n, err := c.sock.Send(&o.msg, b, all, to, t.scope)
		if err == nil {
			return n, nil
		}
		if err != mmsg.ErrOutdated { // else the guard has to be asked again
			return 0, c.classify(o, err, s, t)
		}
	}
}

// to returns what to tell the kernel of a target: nothing where the socket is
// connected, and knows, which t without an address says too.
func (c *Conn) to(t *target) *netip.AddrPort {
	if c.connected || !t.addr.IsValid() {
		return nil
	}
	return &t.addr
}

// hold keeps a datagram back, which taken reports, if it can be, and else sends
// what was written before.
func (c *Conn) hold(b []byte, s *source, t *target, oob []byte) (taken bool, err error) {
	if len(oob) > 0 {
		c.held.flush()
		return false, nil
	}
	return c.held.hold(b, s, t)
}

// appendSource appends to oob the control message, if it takes one, that makes a
// datagram to t leave from s. It refuses a source that cannot be.
func (c *Conn) appendSource(o *op, oob []byte, s *source, t *target) ([]byte, error) {
	if c.kernelChecks(s, t) {
		switch {
		case !c.named(s):
			return oob, nil
		case s.pinned:
			return appendNamed(oob, s), nil
		}
		return pktinfo.AppendSource4(oob, s.addr.As4()), nil // a matter of speed
	}
	if !s.addr.IsValid() {
		return oob, nil
	}
	s, err := c.vet(o, s, t)
	if err != nil {
		return nil, err
	}
	if c.named(s) {
		oob = appendNamed(oob, s)
	}
	return oob, nil
}

// named reports whether a datagram from s takes a control message that says so.
func (c *Conn) named(s *source) bool { return s.addr != c.bound.addr || s.pinned }

// appendNamed appends to oob the control message that names s, which was checked:
// it is of the family of where the datagram goes.
func appendNamed(oob []byte, s *source) []byte {
	return pktinfo.AppendSource(oob, s.addr.Is4(), s.addr, wayOut(s))
}

// towards returns s with the zone of the target, where it needs one and has none.
func (s *source) towards(t *target) *source {
	if t.scope == 0 || s.ifindex != 0 || !scoped(s.addr) {
		return s
	}
	return s.inZone(t.scope)
}

// inZone returns s with the zone ifindex.
func (s *source) inZone(ifindex uint32) *source {
	zoned := *s
	zoned.ifindex = ifindex
	return &zoned
}

// wayOut returns the interface index to send with. The way out is the routing
// table's to choose (0): an index overrides it, and a datagram whose way back is
// not the way its request came is then lost. It is given only where the source
// means nothing without it, or the caller insists.
func wayOut(s *source) uint32 {
	if s.pinned || scoped(s.addr) {
		return s.ifindex
	}
	return 0
}

// sourceOf returns the source that a Path's Local asks for.
func (c *Conn) sourceOf(local, remote netip.AddrPort) (source, error) {
	if c.names4(&local) {
		return source{addr: local.Addr()}, nil // what the rest comes to: a matter of speed
	}
	return c.sourceOfAny(local, remote)
}

// names4 reports whether a Path's Local is an IPv4 address to send from as it is.
func (c *Conn) names4(local *netip.AddrPort) bool {
	return local.Addr().Is4() && local.Port() == c.port && local.Addr() != netip.IPv4Unspecified()
}

func (c *Conn) sourceOfAny(local, remote netip.AddrPort) (source, error) {
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

// target sets t, which is zero, to remote.
func (c *Conn) target(remote netip.AddrPort, t *target) {
	t.addr = remote
	if remote.Addr().Zone() != "" {
		c.takeZone(t)
	}
}

func (c *Conn) takeZone(t *target) {
	addr := t.addr.Addr()
	t.addr = netip.AddrPortFrom(addr.WithZone(""), t.addr.Port())
	t.scope = c.zones.Index(addr.Zone())
}
