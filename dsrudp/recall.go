package dsrudp

import (
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
)

// recall returns the source for a send that is given only where to. One that is
// not valid means the kernel's choice.
func (c *Conn) recall(o *op, t *target) (source, error) {
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

// PathTo returns the path that a send to remote alone would take: the bound
// address, or the one that remote last wrote to. Ok is false when none is known
// or the datagram's local address was lost, and with ListenConfig.Strict when
// remote was seen on more than one local address.
func (c *Conn) PathTo(remote netip.AddrPort) (p Path, ok bool) {
	if !c.ok() || !remote.IsValid() {
		return Path{}, false
	}
	var t target
	c.target(remote, &t)
	s := c.bound
	if !s.addr.IsValid() {
		if c.memory == nil {
			return Path{}, false
		}
		o := c.op()
		var state pathmem.State
		s.addr, s.ifindex, state = o.memory.Find(t.addr, t.scope)
		c.done(o)
		if state != pathmem.Known && (state != pathmem.Ambiguous || c.strict) {
			return Path{}, false
		}
	}
	return Path{Local: c.local(&s), Remote: unmap(remote)}, true
}
