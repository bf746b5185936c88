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

// Unmap returns a with an IPv4-mapped address as the IPv4 address it is.
func Unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// zones translates IPv6 zones (RFC 4007: the names of interfaces) to interface indexes
// and back, in the network namespace of the socket. net's own translation asks the
// namespace of whatever thread it runs on, and keeps one memory for the process.
//
// Only interfaces that exist are kept, so that the memory is bounded by their number. A zone
// may be another name of the interface than the kernel's (altname), and does not become its
// name.
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
	name, ok := translate(s, &s.zones.names, ifindex, mmsg.InterfaceName)
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
	ifindex, ok := translate(s, &s.zones.indexes, zone, mmsg.InterfaceIndex)
	if !ok {
		n, err := strconv.ParseUint(zone, 10, 32)
		if err != nil { // n is then the largest there is
			return 0
		}
		return uint32(n)
	}
	return ifindex
}

// translate returns what known, one of the maps of s.zones, has for key, or else what the
// kernel answers to ask.
func translate[K comparable, V any](s *Selector, known *map[K]V, key K, ask func(fd uintptr, key K) (V, bool)) (V, bool) {
	z := &s.zones
	z.mu.RLock()
	v, has := (*known)[key]
	fresh := time.Now().Before(z.expires)
	z.mu.RUnlock()
	if has && fresh {
		return v, true
	}
	var answer V // another variable, as what a callback uses is in the heap
	ok := false
	// The error is the socket's being closed.
	_ = s.Socket.Control(func(fd uintptr) error { answer, ok = ask(fd, key); return nil })
	if !ok {
		return answer, false
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if now := time.Now(); now.After(z.expires) {
		z.names, z.indexes = make(map[uint32]string), make(map[string]uint32)
		z.expires = now.Add(zoneLifetime)
	}
	(*known)[key] = answer
	return answer, true
}
