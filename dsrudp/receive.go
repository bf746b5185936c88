package dsrudp

import (
	"net"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

// A datagram is what one receive brought, beside the payload.
type datagram struct {
	mmsg.Received
	local source // where to answer from; not valid when it could not be known
}

// receive receives one datagram, sets d, which is zero, to what came with it, and
// learns where to answer it from. All reads of one end here. Control messages go
// to oob, which is o.oob or larger.
func (c *Conn) receive(o *op, b, oob []byte, d *datagram) (err error) {
	if err := c.refusesReads(); err != nil {
		return err
	}
	if c.ahead != nil {
		err = c.ahead.receive(b, oob, &d.Received)
	} else {
		err = c.sock.Recv(&o.msg, b, oob, &d.Received)
	}
	if err != nil {
		return err
	}
	c.learn(o, d, oob[:d.OOBN])
	return nil
}

// learn finds out where to answer d from, whose control messages are oob.
func (c *Conn) learn(o *op, d *datagram, oob []byte) {
	if to, _, ok := pktinfo.Unicast4(oob); ok && !c.guard4 { // a matter of speed
		d.local.addr = addr4(to)
	} else {
		var info pktinfo.Info
		d.local = c.localOf(o, oob, &info)
	}
	c.countReceived(d.Flags, &d.local)
	c.remember(o, d)
}

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

// countReceived counts what is amiss with a datagram received with flags on s.
func (c *Conn) countReceived(flags int, s *source) {
	if flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0 {
		c.countTruncation(flags)
	}
	if !s.addr.IsValid() {
		c.count.lostPath.Add(1)
	}
}

func (c *Conn) countTruncation(flags int) {
	if flags&mmsg.FlagTrunc != 0 {
		c.count.truncated.Add(1)
	}
	if flags&mmsg.FlagCtrunc != 0 {
		c.count.controlTruncated.Add(1)
	}
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
	c.vouch(o, &s)
	return s
}

// vouch tells the guard that the kernel has just shown s to be local, which is
// good to know before an answer is sent from it.
func (c *Conn) vouch(o *op, s *source) {
	if s.addr.Is6() && c.guard6 || s.addr.Is4() && c.guard4 {
		c.guard.Received(&o.memo, s.addr, s.ifindex)
	}
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

// remember notes d's path in the path memory.
func (c *Conn) remember(o *op, d *datagram) {
	if c.memory == nil {
		return
	}
	zone := d.Scope
	if zone == 0 {
		zone = d.local.ifindex
	}
	o.memory.Note(d.From, d.local.addr, zone)
}

// remote returns d's remote address in net's form: IPv4-mapped on an AF_INET6
// socket, and with its zone.
func (c *Conn) remote(d *datagram) netip.AddrPort { return c.zoned(d.From, d.Scope) }

// zoned returns remote with the zone that scope is the index of.
func (c *Conn) zoned(remote netip.AddrPort, scope uint32) netip.AddrPort {
	if scope == 0 {
		return remote
	}
	return c.inZone(remote, scope)
}

func (c *Conn) inZone(remote netip.AddrPort, scope uint32) netip.AddrPort {
	return netip.AddrPortFrom(remote.Addr().WithZone(c.zones.Name(scope)), remote.Port())
}

// path returns d's path. Its Local is not valid when it could not be known.
func (c *Conn) path(d *datagram) Path {
	return Path{Local: c.local(&d.local), Remote: unmap(c.remote(d))}
}

// pathTo returns the path of a datagram from s to t.
func (c *Conn) pathTo(s source, t target) Path {
	return Path{Local: c.local(&s), Remote: unmap(c.zoned(t.addr, t.scope))}
}

// local returns s as it is shown to callers.
func (c *Conn) local(s *source) netip.AddrPort {
	if !s.addr.IsValid() {
		return netip.AddrPort{}
	}
	addr := s.addr
	if s.ifindex != 0 {
		addr = addr.WithZone(c.zones.Name(s.ifindex))
	}
	return netip.AddrPortFrom(addr, c.port)
}

// addr returns d's remote address as net would, carrying its path.
func (c *Conn) addr(d *datagram) *net.UDPAddr {
	return udpaddr.New(c.remote(d), c.local(&d.local), c.group)
}
