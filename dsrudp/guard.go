package dsrudp

import (
	"net"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// kernelChecks reports whether s and t are IPv4 addresses and the kernel keeps the
// guard over s. Then it refuses what vet would, which is not to be called, nor is
// check: there may be no guard.
func (c *Conn) kernelChecks(s *source, t *target) bool {
	return s.addr.Is4() && !c.guard4 && is4(t.addr.Addr())
}

// vet returns s, which is valid, as a datagram to t leaves from it, with the zone of t
// where it needs one and has none, or why it may not.
func (c *Conn) vet(o *op, s *source, t *target) (*source, error) {
	s = s.towards(t)
	return s, c.check(o, s, t)
}

// check keeps the guard over sources that the kernel does not keep on this
// socket, and refuses what it would let slip on any. It is for those that
// kernelChecks does not speak of.
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
	if !v4 {
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
	if err != nil && c.closed.Load() {
		return net.ErrClosed // and the guard with it, unless other Conns share it
	}
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
	return &sourceError{s.addr, t.addr.Addr(), why, err}
}

// noteLocal tells the guard that the kernel has just shown s to be local, which is
// good to know before an answer is sent from it.
func (c *Conn) noteLocal(o *op, s *source) {
	if s.addr.Is6() && c.guard6 || s.addr.Is4() && c.guard4 {
		c.guard.Received(&o.memo, s.addr, s.ifindex)
	}
}
