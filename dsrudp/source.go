package dsrudp

import (
	"net"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// A source is a local address in the kernel's terms: unmapped, without a
// zone's name, and the interface index that its scope demands.
type source struct {
	addr    netip.Addr
	ifindex uint32
	// pinned says that the datagram must leave by the interface ifindex,
	// because a caller's own control message says so. Addr may then be
	// unspecified.
	pinned bool
}

// boundTo returns the unicast address that the socket is bound to. A socket
// bound to a group or broadcast address receives for it and must send from
// another.
func (c *Conn) boundTo(local *net.UDPAddr) source {
	addr, ok := netip.AddrFromSlice(local.IP)
	addr = addr.Unmap()
	if !ok || addr.IsUnspecified() || addr.IsMulticast() || addr == limitedBroadcast {
		return source{}
	}
	s := source{addr: addr}
	if scoped(addr) {
		s.ifindex = c.zones.Index(local.Zone)
	}
	if addr.Is4() && c.guard != nil && c.guard.Broadcast(addr) {
		return source{} // a subnet's, which looks like any other address
	}
	return s
}

// scoped reports whether a is only meaningful together with an interface: a
// link-local IPv6 address (RFC 4007), or "::", which stands for the address of
// the interface that a multicast datagram came in by. IPv4 has no such addresses:
// an index beside an IPv4 source would pin the way out.
func scoped(a netip.Addr) bool { return a.Is6() && scoped6(a) }

// scoped6 is scoped for an IPv6 address. It is apart for scoped to be inlined.
func scoped6(a netip.Addr) bool { return a.IsLinkLocalUnicast() || a.IsUnspecified() }

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

// outIndex returns the interface index to send with. The way out is the routing
// table's to choose (0): an index overrides it, and a datagram whose way back is
// not the way its request came is then lost. It is given only where the source
// means nothing without it, or the caller insists.
func outIndex(s *source) uint32 {
	if s.pinned || scoped(s.addr) {
		return s.ifindex
	}
	return 0
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
	return pktinfo.AppendSource(oob, s.addr.Is4(), s.addr, outIndex(s))
}
