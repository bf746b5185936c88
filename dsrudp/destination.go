package dsrudp

import "github.com/dsrudp/go-dsrudp/internal/pktinfo"

// localOf returns where to answer a datagram from whose control messages are oob,
// and sets info, which is zero, to what they say.
func (c *Conn) localOf(o *op, oob []byte, info *pktinfo.Info) source {
	if c.parse || len(oob) > 0 {
		pktinfo.ParseInto(info, oob)
	}
	if c.parse {
		if s := c.destination(o, info); s.addr.IsValid() || !c.bound.addr.IsValid() {
			return s
		}
	}
	return c.bound
}

// destination returns the local address to answer a datagram from.
func (c *Conn) destination(o *op, info *pktinfo.Info) source {
	s := source{addr: info.Local}
	switch {
	case !s.addr.IsValid():
		return c.headerDestination(o, info)
	case s.addr.Is4() && s.addr != info.Dst:
		s.addr = c.groupSource(info)
	case scoped(s.addr):
		s.ifindex = info.IfIndex
		if s.addr.IsUnspecified() {
			return s // a group's: the kernel will choose
		}
	}
	c.noteLocal(o, &s)
	return s
}

// headerDestination is destination for a datagram with no more than the
// destination in its IP header: it was queued before the socket had IP_PKTINFO.
// That address may be a subnet's broadcast address, so the kernel is asked.
func (c *Conn) headerDestination(o *op, info *pktinfo.Info) source {
	if info.Dst.IsValid() && c.guard != nil {
		if local, err := c.guard.Local(&o.memo, info.Dst, 0); err == nil && local {
			return source{addr: info.Dst}
		}
	}
	return source{}
}
