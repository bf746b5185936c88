package dsrudp

import (
	"net"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/source"
	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

// A Path is the way one datagram came, and the way its answer goes back: reply
// with the Path you received. It is comparable and makes a map key; it is the
// path of QUIC (RFC 9000, section 9).
//
// Addresses are unmapped: an IPv4 peer of a dual-stack socket has an IPv4
// address here. A zone is present where the address needs one.
type Path struct {
	// Local is the address of this host that the datagram was sent to, for
	// example a load balancer's VIP, and the port that the Conn is bound to.
	// On a send the port is 0 or the bound port.
	//
	// A datagram to a broadcast or an IPv4 multicast address has the unicast
	// address of the receiving interface here, as a reply cannot come from a
	// group. One to an IPv6 multicast address has "::" with the interface as
	// zone, for which the kernel takes that interface's address.
	//
	// It is the zero AddrPort where the datagram's destination could not be
	// known. A send along such a Path is ErrNoPath.
	Local netip.AddrPort

	// Remote is the peer's address.
	Remote netip.AddrPort
}

// IsValid reports whether p says both where to send to and where from.
func (p Path) IsValid() bool { return p.Local.Addr().IsValid() && p.Remote.IsValid() }

// String returns the path as "local<-remote", the way of the datagram received.
func (p Path) String() string { return p.Local.String() + "<-" + p.Remote.String() }

// PathOf returns the Path that addr carries. Addresses returned by ReadFrom,
// ReadFromUDP, ReadMsgUDP and ReadBatch of a Conn carry the path of their datagram,
// and so do copies of the *net.UDPAddr they are. Addresses that were edited, or made
// from a string or a netip.AddrPort, carry none; ok is then false, as it is for
// the address of a datagram whose local address could not be known.
func PathOf(addr net.Addr) (p Path, ok bool) {
	a, isUDP := addr.(*net.UDPAddr)
	if !isUDP {
		return Path{}, false
	}
	carried, ok := udpaddr.Parse(a)
	if !ok || carried.Lost {
		return Path{}, false
	}
	return Path{Local: carried.Local, Remote: source.Unmap(a.AddrPort())}, true
}

// PathTo returns the path that a send to remote alone would take: the bound
// address, or the one that remote last wrote to. Ok is false when none is known
// or the datagram's local address was lost, and with ListenConfig.Strict when
// remote was seen on more than one local address.
func (c *Conn) PathTo(remote netip.AddrPort) (p Path, ok bool) {
	if !c.ok() || !remote.IsValid() {
		return Path{}, false
	}
	local, state := c.source.Find(remote)
	if state != pathmem.Known && (state != pathmem.Ambiguous || c.source.Strict) {
		return Path{}, false
	}
	return Path{Local: c.source.LocalAddrPort(&local), Remote: source.Unmap(remote)}, true
}

// pathOf returns the path of a datagram received. Its Local is not valid when it could
// not be known.
func (c *Conn) pathOf(d *datagram) Path {
	return Path{Local: c.source.LocalAddrPort(&d.Local), Remote: c.source.RemoteAddrPort(&d.From)}
}
