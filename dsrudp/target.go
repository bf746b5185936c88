package dsrudp

import (
	"net"
	"net/netip"
)

// A target is where a datagram goes: a remote address in any form, without
// zone, and the interface index of a link-local one.
type target struct {
	addr  netip.AddrPort
	scope uint32
}

// setTarget sets t, which is zero, to remote.
func (c *Conn) setTarget(remote netip.AddrPort, t *target) {
	t.addr = remote
	if remote.Addr().Zone() != "" {
		c.setTargetZone(t)
	}
}

// setTargetZone has the zone of t's address be its scope.
func (c *Conn) setTargetZone(t *target) {
	addr := t.addr.Addr()
	t.addr = netip.AddrPortFrom(addr.WithZone(""), t.addr.Port())
	t.scope = c.zones.Index(addr.Zone())
}

// setTargetUDP sets t, which is zero, to addr, by net's rules. It is false when net
// would refuse addr.
func (c *Conn) setTargetUDP(addr *net.UDPAddr, t *target) bool {
	if addr == nil || uint(addr.Port) > 1<<16-1 {
		return false
	}
	if c.inet6() {
		return c.setTargetUDP6(addr, t)
	}
	ip, ok := netip.AddrFromSlice(addr.IP)
	if !ok && len(addr.IP) == 0 {
		ip = netip.IPv4Unspecified()
	} else if !ok || !is4(ip) {
		return false
	}
	t.addr = netip.AddrPortFrom(ip, uint16(addr.Port))
	return true
}

// setTargetUDP6 is setTargetUDP on an AF_INET6 socket, where 0.0.0.0 too means the
// unspecified address.
func (c *Conn) setTargetUDP6(addr *net.UDPAddr, t *target) bool {
	ip, ok := netip.AddrFromSlice(addr.IP)
	if len(addr.IP) == 0 || addr.IP.Equal(net.IPv4zero) {
		ip = netip.IPv6Unspecified()
	} else if !ok {
		return false
	}
	t.addr = netip.AddrPortFrom(ip, uint16(addr.Port))
	t.scope = c.zones.Index(addr.Zone)
	return true
}

// sockaddr returns what to tell the kernel of a target: nothing where the socket is
// connected, and knows, which t without an address says too.
func (c *Conn) sockaddr(t *target) *netip.AddrPort {
	if c.connected || !t.addr.IsValid() {
		return nil
	}
	return &t.addr
}

// refusesRemote reports whether net refuses to send to remote here: it is not
// valid, not the connected peer, or of the other family.
func (c *Conn) refusesRemote(remote netip.AddrPort) bool {
	return !remote.IsValid() || c.connected && unmap(remote) != unmap(c.peer) || !c.inet6() && !is4(remote.Addr())
}

// is4 reports whether a datagram to a is an IPv4 one, however a is written.
func is4(a netip.Addr) bool { return a.Is4() || a.Is4In6() }

// needsInterface reports whether a datagram to a takes the way out that the
// sender names, as the routing table cannot know it.
func needsInterface(a netip.Addr) bool {
	return isGroup(a) || a.Is6() && a.IsLinkLocalUnicast()
}
