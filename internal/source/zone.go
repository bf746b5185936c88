package source

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

// LocalAddrPort returns l as callers get it, with its zone and the bound port: the zero
// AddrPort where l is not valid.
func (s *Selector) LocalAddrPort(l *Local) netip.AddrPort {
	if !l.Addr.IsValid() {
		return netip.AddrPort{}
	}
	addr := l.Addr
	if l.Ifindex != 0 {
		addr = addr.WithZone(s.zone(l.Ifindex))
	}
	return netip.AddrPortFrom(addr, s.port)
}

// RemoteAddrPort returns a as callers get it, unmapped and with its zone.
func (s *Selector) RemoteAddrPort(a *mmsg.Addr) netip.AddrPort {
	if a.Ifindex == 0 {
		return a.AddrPort
	}
	return netip.AddrPortFrom(a.AddrPort.Addr().WithZone(s.zone(a.Ifindex)), a.AddrPort.Port())
}

// NetAddrPort returns a as net would: IPv4-mapped on an AF_INET6 socket.
func (s *Selector) NetAddrPort(a *mmsg.Addr) netip.AddrPort {
	if addr := a.AddrPort.Addr(); addr.Is4() && s.Family != pktinfo.IPv4 {
		return netip.AddrPortFrom(netip.AddrFrom16(addr.As16()), a.AddrPort.Port())
	}
	return s.RemoteAddrPort(a)
}

// UDPAddr returns the remote address of a datagram as net would, carrying its local address.
func (s *Selector) UDPAddr(remote *mmsg.Addr, a *Arrival) *net.UDPAddr {
	c := udpaddr.Carried{Local: s.LocalAddrPort(&a.Local), Ifindex: a.Ifindex}
	if c.Lost = !c.Local.IsValid(); c.Lost {
		c.Local = netip.AddrPortFrom(netip.Addr{}, s.port)
	}
	if c.Ifindex == 0 {
		c.Ifindex = a.Local.Ifindex // without control messages
	}
	return udpaddr.New(s.NetAddrPort(remote), c)
}

// setRemote stores a in m, which is zero.
func (s *Selector) setRemote(a netip.AddrPort, m *mmsg.Addr) {
	addr := a.Addr()
	if addr.Is4() {
		m.AddrPort = a
		return
	}
	m.AddrPort = netip.AddrPortFrom(addr.WithZone("").Unmap(), a.Port())
	if zone := addr.Zone(); zone != "" && !addr.Is4In6() {
		m.Ifindex = s.ifindex(zone)
	}
}

// Unmap returns a with an IPv4-mapped address as the IPv4 address it is.
func Unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// IPv6 zones (RFC 4007) are the names of interfaces. They are translated to interface
// indexes and back in the network namespace of the socket: net's own translation asks the
// namespace of whatever thread it runs on, and keeps one memory for the process. A zone may
// be another name of the interface than the kernel's (altname), and does not become its name.

// zone returns the name of the interface ifindex, its digits where there is no such
// interface, and "" for 0.
func (s *Selector) zone(ifindex uint32) string {
	if ifindex == 0 {
		return ""
	}
	name, ok := s.names.get(ifindex, func(ifindex uint32) (name string, ok bool) {
		// The error is the socket's being closed.
		_ = s.Socket.Control(func(fd uintptr) error { name, ok = mmsg.InterfaceName(fd, ifindex); return nil })
		return name, ok
	})
	if !ok {
		return strconv.FormatUint(uint64(ifindex), 10)
	}
	return name
}

// ifindex returns the index of the interface that zone names, or the number that zone is,
// or 0.
func (s *Selector) ifindex(zone string) uint32 {
	if zone == "" {
		return 0
	}
	ifindex, ok := s.indexes.get(zone, func(zone string) (ifindex uint32, ok bool) {
		_ = s.Socket.Control(func(fd uintptr) error { ifindex, ok = mmsg.InterfaceIndex(fd, zone); return nil })
		return ifindex, ok
	})
	if !ok {
		n, err := strconv.ParseUint(zone, 10, 32)
		if err != nil { // n is then the largest there is
			return 0
		}
		return uint32(n)
	}
	return ifindex
}
