package dsrudp

import (
	"net"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

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
	return Path{Local: c.shown(&d.local), Remote: unmap(c.remote(d))}
}

// pathTo returns the path of a datagram from s to t.
func (c *Conn) pathTo(s source, t target) Path {
	return Path{Local: c.shown(&s), Remote: unmap(c.zoned(t.addr, t.scope))}
}

// shown returns s as it is shown to callers.
func (c *Conn) shown(s *source) netip.AddrPort {
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
	return udpaddr.New(c.remote(d), c.shown(&d.local), c.groupID)
}
