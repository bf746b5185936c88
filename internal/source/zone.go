package source

import (
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

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

// unmap returns a with an IPv4-mapped address as the IPv4 address it is.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// zones translates IPv6 zones (RFC 4007: the names of interfaces) to interface indexes
// and back, in the network namespace of the socket. net's own translation asks the
// namespace of whatever thread it runs on, and keeps one memory for the process.
type zones struct {
	mu      sync.RWMutex
	names   map[uint32]string
	indexes map[string]uint32
	expires time.Time
}

// zoneLifetime is how long an answer is good for: an interface may be renamed.
const zoneLifetime = time.Second

// zone returns the name of the interface ifindex, its digits where there is no such
// interface, and "" for 0.
func (s *Selector) zone(ifindex uint32) string {
	if ifindex == 0 {
		return ""
	}
	z := &s.zones
	z.mu.RLock()
	name, ok := z.names[ifindex]
	fresh := time.Now().Before(z.expires)
	z.mu.RUnlock()
	if ok && fresh {
		return name
	}
	ok = false
	// The error is the socket's being closed.
	_ = s.Socket.Control(func(fd uintptr) error { name, ok = mmsg.InterfaceName(fd, ifindex); return nil })
	if !ok {
		return strconv.FormatUint(uint64(ifindex), 10)
	}
	z.mu.Lock()
	z.renew()
	z.names[ifindex] = name
	z.mu.Unlock()
	return name
}

// ifindex returns the index of the interface that zone names, or the number that zone is,
// or 0.
func (s *Selector) ifindex(zone string) uint32 {
	if zone == "" {
		return 0
	}
	z := &s.zones
	z.mu.RLock()
	ifindex, ok := z.indexes[zone]
	fresh := time.Now().Before(z.expires)
	z.mu.RUnlock()
	if ok && fresh {
		return ifindex
	}
	ok = false
	_ = s.Socket.Control(func(fd uintptr) error { ifindex, ok = mmsg.InterfaceIndex(fd, zone); return nil })
	if !ok {
		n, err := strconv.ParseUint(zone, 10, 32)
		if err != nil {
			return 0
		}
		return uint32(n)
	}
	z.mu.Lock()
	z.renew()
	z.indexes[zone] = ifindex
	z.mu.Unlock()
	return ifindex
}

// renew drops what is too old. Only interfaces that exist are kept, so that the memory is
// bounded by their number. A zone may be another name of the interface than the kernel's
// (altname), and does not become its name. The caller holds mu.
func (z *zones) renew() {
	if now := time.Now(); now.After(z.expires) {
		z.names = make(map[uint32]string)
		z.indexes = make(map[string]uint32)
		z.expires = now.Add(zoneLifetime)
	}
}
