package dsrudp

import (
	"slices"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// A Server that answers a datagram of its own would answer that answer, without end. One
// with a forged source is enough to begin: IPv6 takes a datagram from the host's own
// address by any interface.

// ownSockets are the addresses of a Server's sockets. They do not change; the Server
// makes others when it gets or loses a Conn.
type ownSockets struct {
	ports     []uint16
	addresses []ownAddress
}

type ownAddress struct {
	port   uint16
	bound  source.Local // its Addr is not valid on a wildcard socket
	family pktinfo.Family
}

func newOwnSockets(readers map[*reader]struct{}) *ownSockets {
	own := new(ownSockets)
	for r := range readers {
		s := r.c.source
		a := ownAddress{s.Port(), s.Bound(), s.Family}
		if !slices.Contains(own.addresses, a) { // as those of a ListenN are equal
			own.addresses = append(own.addresses, a)
		}
		if !slices.Contains(own.ports, a.port) {
			own.ports = append(own.ports, a.port)
		}
	}
	return own
}

// sent reports whether d, which c received, has the source of one of the sockets. Most
// datagrams differ by the port already. Peers whose port is the same, as with SIP and
// NTP, are other hosts.
func (own *ownSockets) sent(c *Conn, d *datagram) bool {
	port := d.From.AddrPort.Port()
	return slices.Contains(own.ports, port) && own.sentBy(c, d, port)
}

func (own *ownSockets) sentBy(c *Conn, d *datagram, port uint16) bool {
	from := d.From.AddrPort.Addr()
	switch {
	case from.IsUnspecified():
		return false // a DHCP client has no address yet
	case from == d.Local.Addr && port == c.source.Port():
		return true
	}
	for i := range own.addresses {
		a := &own.addresses[i]
		switch {
		case a.port != port, a.family == pktinfo.IPv4 && !from.Is4(), a.family == pktinfo.IPv6 && from.Is4():
		case a.bound.Addr.IsValid():
			if a.bound.Addr == from && a.bound.Ifindex == d.From.Ifindex {
				return true
			}
		// The interface does not show it: of the host's own IPv4 datagrams the kernel names
		// that of their destination, and IPv6 datagrams with such a source come by any.
		case c.source.IsLocal(from, d.From.Ifindex):
			return true
		}
	}
	return false
}
