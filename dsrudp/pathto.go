package dsrudp

import (
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
)

// PathTo returns the path that a send to remote alone would take: the bound
// address, or the one that remote last wrote to. Ok is false when none is known
// or the datagram's local address was lost, and with ListenConfig.Strict when
// remote was seen on more than one local address.
func (c *Conn) PathTo(remote netip.AddrPort) (p Path, ok bool) {
	if !c.ok() || !remote.IsValid() {
		return Path{}, false
	}
	var t target
	c.setTarget(remote, &t)
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
	return Path{Local: c.shown(&s), Remote: unmap(remote)}, true
}
