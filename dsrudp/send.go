package dsrudp

import (
	"errors"
	"net"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pathmem"
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
func (c *Conn) send(o *op, b []byte, s source, t target, oob []byte) (int, error) {
	to := t
	if c.connected || !t.addr.IsValid() {
		// The kernel knows where to.
		t.addr, to.addr = c.peer, netip.AddrPort{}
	}
	if c.held != nil {
		if len(oob) > 0 {
			c.held.flush() // what was written before goes before
		} else if taken, err := c.held.hold(b, &s, &t); taken || err != nil {
			return len(b), err
		}
	}
	if oob == nil {
		oob = o.oob[:0]
	}
	for {
		all := oob
		if s.addr.IsValid() {
			var err error
			if all, err = c.appendSource(o, oob, &s, &t); err != nil {
				return 0, err
			}
		}
		n, err := c.sock.Send(&o.msg, b, all, to.addr, to.scope)
		switch err {
		case nil:
			return n, nil
		case mmsg.ErrWaited: // and what was local then may not be now
		default:
			return 0, c.failed(o, err, &s, &t, 1)
		}
	}
}

// appendSource appends to oob the control message, if it takes one, that makes a
// datagram to t leave from s, which is valid. It refuses a source that cannot be.
func (c *Conn) appendSource(o *op, oob []byte, s *source, t *target) ([]byte, error) {
	s = s.towards(t)
	if err := c.check(o, s, t); err != nil {
		return nil, c.refuse(err)
	}
	if s.addr != c.bound.addr || s.pinned {
		oob = pktinfo.AppendSource(oob, is4(t.addr.Addr()), s.addr, wayOut(s))
	}
	return oob, nil
}

// towards returns s with the zone of the target, where it needs one and has none.
func (s *source) towards(t *target) *source {
	if s.ifindex != 0 || t.scope == 0 || !scoped(s.addr) {
		return s
	}
	zoned := *s
	zoned.ifindex = t.scope
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

// refuse counts a send refused with err. After Close there is nothing to refuse.
func (c *Conn) refuse(err error) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	c.count.refused.Add(1)
	return err
}

// refuseAll is refuse for n datagrams.
func (c *Conn) refuseAll(err error, n int) error {
	if err = c.refuse(err); !errors.Is(err, net.ErrClosed) {
		c.count.refused.Add(uint64(n - 1))
	}
	return err
}

// check keeps the guard over sources that the kernel does not keep on this
// socket, and refuses what it would let slip on any.
func (c *Conn) check(o *op, s *source, t *target) error {
	remote := t.addr.Addr()
	v4 := is4(remote)
	if s.pinned && s.addr.IsUnspecified() {
		return nil // the kernel chooses
	}
	if s.addr.Is4() != v4 {
		if s.addr == c.bound.addr && c.family == pktinfo.IPv6 && !s.pinned {
			return nil // the kernel refuses every IPv4 peer, in its own words
		}
		// A control message of the wrong family is ignored in silence.
		return &sourceError{s.addr, remote, whyFamily, nil}
	}
	if v4 {
		if !c.guard4 {
			return nil
		}
	} else {
		if s.addr.IsUnspecified() {
			if c.bound.addr.IsValid() {
				return &sourceError{s.addr, remote, whyBound, nil}
			}
			return nil // the kernel chooses an address of the interface s.ifindex
		}
		if s.addr.IsLinkLocalUnicast() && s.ifindex == 0 {
			return &sourceError{s.addr, remote, whyZone, nil}
		}
		if s.addr.IsLoopback() && !c.isLocal(o, t) {
			// The kernel lets ::1 out.
			return &sourceError{s.addr, remote, whyLoopback, nil}
		}
		if !c.guard6 {
			return nil
		}
	}
	if s.addr.IsMulticast() || s.addr == limitedBroadcast {
		return &sourceError{s.addr, remote, whyGroup, nil}
	}
	local, err := c.guard.Local(&o.memo, s.addr, s.ifindex)
	if err != nil {
		return &sourceError{s.addr, remote, whyUnasked, err}
	}
	if !local {
		return &sourceError{s.addr, remote, whyNotLocal, nil}
	}
	return nil
}

// isLocal reports whether a datagram to t stays on this host, as far as is known.
func (c *Conn) isLocal(o *op, t *target) bool {
	a := t.addr.Addr()
	if a.IsLoopback() || a.IsUnspecified() { // "::" means the host itself
		return true
	}
	if c.guard == nil {
		return false
	}
	local, err := c.guard.Local(&o.memo, a, t.scope)
	return local && err == nil
}

// failed returns what to tell of n datagrams that the kernel did not send, and
// counts them.
func (c *Conn) failed(o *op, err error, s *source, t *target, n int) error {
	err = c.over(c.classify(o, err, s, t))
	if errors.Is(err, ErrNotLocal) {
		c.count.refused.Add(uint64(n - 1)) // one was counted
	}
	c.countFailure(err, n)
	return err
}

// classify makes an ErrNotLocal of a send's error if the source was the cause.
// The errno does not tell: a blackhole route is EINVAL, and a missing one
// ENETUNREACH, just as a source that is not local.
func (c *Conn) classify(o *op, err error, s *source, t *target) error {
	if !s.addr.IsValid() || s.addr.IsUnspecified() || !mmsg.MayBeBadSource(err) {
		return err
	}
	why := ""
	switch {
	case s.addr.IsMulticast() || s.addr == limitedBroadcast:
		why = whyGroup
	case s.addr.IsLoopback() && !c.isLocal(o, t):
		why = whyLoopback
	case c.guard == nil:
		if mmsg.AddrNotAvailable(err) {
			why = whyNotLocal
		}
	default:
		if local, e := c.guard.Ask(s.addr, s.towards(t).ifindex); e == nil && !local {
			why = whyNotLocal
		}
	}
	if why == "" {
		return err
	}
	return c.refuse(&sourceError{s.addr, t.addr.Addr(), why, err})
}

// sourceOf returns the source that a Path's Local asks for.
func (c *Conn) sourceOf(local, remote netip.AddrPort) (source, error) {
	addr := local.Addr()
	if !addr.IsValid() {
		return source{}, c.refuse(ErrNoPath)
	}
	if p := local.Port(); p != 0 && p != c.port {
		return source{}, c.refuse(&sourceError{addr, remote.Addr(), whyPort, nil})
	}
	// Without the zone first: netip does not call "::%eth0" unspecified.
	s := source{addr: addr.WithZone("").Unmap()}
	if scoped(s.addr) {
		if s.ifindex = c.zones.Index(addr.Zone()); s.ifindex == 0 && addr.Zone() != "" {
			return source{}, c.refuse(&sourceError{addr, remote.Addr(), whyZone, nil})
		}
	}
	if s.addr.IsUnspecified() && s.ifindex == 0 {
		// Sending it would be leaving the choice to the kernel.
		return source{}, c.refuse(ErrNoPath)
	}
	return s, nil
}

// recall returns the source for a send that is given only where to. One that is
// not valid means the kernel's choice.
func (c *Conn) recall(t target) (source, error) {
	if c.bound.addr.IsValid() {
		return c.bound, nil
	}
	state := pathmem.Unknown
	var s source
	if c.memory != nil {
		s.addr, s.ifindex, state = c.memory.Find(t.addr, t.scope)
	}
	switch state {
	case pathmem.Known:
		return s, nil
	case pathmem.Lost:
		return source{}, c.refuse(ErrNoPath)
	case pathmem.Ambiguous:
		c.count.ambiguousPath.Add(1)
	default:
		c.count.unknownPath.Add(1)
	}
	if c.strict {
		return source{}, c.refuse(ErrNoPath)
	}
	return s, nil
}

// PathTo returns the path that a send to remote alone would take: the bound
// address, or the one that remote last wrote to. It is false when none is known
// or the datagram's local address was lost, and with ListenConfig.Strict when
// remote was seen on more than one local address.
func (c *Conn) PathTo(remote netip.AddrPort) (p Path, ok bool) {
	if !c.ok() || !remote.IsValid() {
		return Path{}, false
	}
	t := c.target(remote)
	s := c.bound
	if !s.addr.IsValid() {
		if c.memory == nil {
			return Path{}, false
		}
		var state pathmem.State
		s.addr, s.ifindex, state = c.memory.Find(t.addr, t.scope)
		if state != pathmem.Known && (state != pathmem.Ambiguous || c.strict) {
			return Path{}, false
		}
	}
	return Path{Local: c.local(s), Remote: unmap(remote)}, true
}

// target takes the zone off remote.
func (c *Conn) target(remote netip.AddrPort) target {
	addr := remote.Addr()
	if zone := addr.Zone(); zone != "" {
		return target{netip.AddrPortFrom(addr.WithZone(""), remote.Port()), c.zones.Index(zone)}
	}
	return target{addr: remote}
}
