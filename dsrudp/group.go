package dsrudp

import "net/netip"

// A group, in this package, is what several hosts may receive for: a multicast or
// broadcast address. Nothing can be sent from one. (What the Conns of one ListenN share
// is a listenGroup.)

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// isGroup reports whether a shows by itself to be a group; a subnet's broadcast address
// does not.
func isGroup(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsMulticast() || a == limitedBroadcast
}

// isGroup4 reports whether a is an IPv4 group, as far as is known of this host's subnets.
func (c *Conn) isGroup4(a netip.Addr) bool {
	return a.Is4() && (isGroup(a) || c.guard != nil && c.guard.Broadcast(a))
}
