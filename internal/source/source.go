// Package source decides which local address a datagram came to, which one an answer
// leaves from, whether it still may, and why a send failed.
//
// It stands on the packages that know control messages, carried addresses, the path
// memory and local routes. It moves no datagrams, and does not depend on Conns, Packets,
// Paths, batches or buffers: what it decides goes by value, an [Arrival] on the way in and a
// [Header] on the way out.
package source

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// A Local is a local address in the kernel's terms. Check asks about Addr on Ifindex; a
// datagram leaves by Out, or else by Ifindex where Addr needs a scope.
type Local struct {
	Addr    netip.Addr // unmapped, without zone
	Ifindex uint32     // the scope of a link-local Addr, and of "::" for the interface's own
	Out     uint32     // the interface to leave by; 0 leaves that to the routing table
}

// A Header is what the headers of a datagram to be sent will say. It is comparable:
// datagrams of one Header may leave as one message.
type Header struct {
	Local  Local // the kernel chooses where Addr is not valid
	Remote mmsg.Addr
	ECN    uint8
}

// An Arrival is what the headers of a received datagram said, beside the remote address.
type Arrival struct {
	Local       Local      // where to answer from; Addr is not valid where that could not be known
	Dst         netip.Addr // the destination, where it is a group or broadcast address
	Ifindex     uint32     // the interface that it arrived on, 0 where unknown
	SegmentSize int        // of a GRO batch, else 0
	ECN         uint8
}

// Config says what a Selector decides for. Its fields do not change.
type Config struct {
	Socket    *mmsg.Socket // asked for interfaces and their addresses
	Family    pktinfo.Family
	Bound     *net.UDPAddr   // the socket's own address
	Peer      netip.AddrPort // valid if the socket has one
	Connected bool           // net refuses remote addresses
	Adopted   bool           // datagrams may have been queued before it was bound or connected

	Guard          *localroute.Table // nil where the kernel cannot be asked
	Denied         error             // why, where that is for this process and not the system; else nil
	Guard4, Guard6 bool              // the kernel does not validate these sources, so that Check does

	Memory      *pathmem.Table // nil where off; one for all sockets of a set
	Strict      bool           // an unknown or ambiguous path is ErrNoPath
	ByInterface bool           // answers leave by the interface that their request came in by
}

// A Selector selects source addresses for one socket. Its methods may be called from
// many goroutines. They allocate the addresses that they return, and errors.
type Selector struct {
	Config
	Counts Counts

	port    uint16
	control bool                   // the control messages with destinations are on
	bound   Local                  // the unicast address that the socket is bound to; not valid on a wildcard socket
	peer    mmsg.Addr              // not valid where there is none
	names   recent[uint32, string] // of interfaces
	indexes recent[string, uint32]
	groups  recent[groupKey, netip.Addr]
	probes  recent[mmsg.Addr, bool]
	class4  atomic.Uint32 // the socket's own type of service
	class6  atomic.Uint32 // and traffic class
}

// Counts are what a Selector met that no result shows.
type Counts struct {
	UnknownPath, AmbiguousPath, LostPath atomic.Uint64
}

// New returns a Selector.
func New(c Config) *Selector {
	s := &Selector{Config: c, port: uint16(c.Bound.Port)}
	if s.bound = s.boundTo(c.Bound); !s.Wildcard() {
		s.Memory = nil // there is one answer
	}
	s.control = s.Wildcard() || s.Adopted || s.ByInterface
	if c.Peer.IsValid() {
		s.setRemote(c.Peer, &s.peer)
	}
	s.ReadClass()
	return s
}

// boundTo returns the unicast address that the socket is bound to. A socket bound to a
// group or broadcast address receives for it and must send from another.
func (s *Selector) boundTo(a *net.UDPAddr) Local {
	addr, ok := netip.AddrFromSlice(a.IP)
	addr = addr.Unmap()
	if !ok || addr.IsUnspecified() || s.isGroup4(addr) || isGroup(addr) {
		return Local{}
	}
	l := Local{Addr: addr}
	if scoped(addr) {
		l.Ifindex = s.ifindex(a.Zone)
	}
	return l
}

// Port returns the bound port.
func (s *Selector) Port() uint16 { return s.port }

// Bound returns the unicast address that the socket is bound to. Its Addr is not valid on
// a wildcard socket.
func (s *Selector) Bound() Local { return s.bound }

// Wildcard reports whether answers may leave from several addresses.
func (s *Selector) Wildcard() bool { return !s.bound.Addr.IsValid() }

// NeedsControl reports whether the control messages with destinations are needed. On
// a bound socket they are not, unless for the interface: there is one local address, and
// the kernel uses it by itself. They would only cost time, and one without a source would
// override the bound address.
func (s *Selector) NeedsControl() bool { return s.control }

// HasPeer reports whether the socket is connected to a peer.
func (s *Selector) HasPeer() bool { return s.peer.AddrPort.IsValid() }

// ReadClass reads the socket's type of service and traffic class, which a message that
// marks a datagram replaces as a whole. Its owner may have set them.
func (s *Selector) ReadClass() {
	// The error is the socket's being closed.
	_ = s.Socket.Control(func(fd uintptr) error {
		s.class4.Store(uint32(mmsg.Class(fd, true)))
		s.class6.Store(uint32(mmsg.Class(fd, false)))
		return nil
	})
}

// AppendControl appends the control messages by which a datagram leaves as h says. They
// are built anew for each message, and are none where the socket's own address and the
// routing table do it.
//
// The way out is the routing table's to choose: an interface index overrides it, and a
// datagram whose way back is not the way that its request came is then lost. An index is
// given only where the source means nothing without it, or the caller names one or asks for
// that of the request.
func (s *Selector) AppendControl(oob []byte, h *Header) []byte {
	v4 := h.Remote.AddrPort.Addr().Is4()
	l := &h.Local
	// An unspecified source would override a bound address, and is left out there.
	if l.Out != 0 || l.Addr.IsValid() && l.Addr != s.bound.Addr {
		addr, ifindex := l.Addr, l.Out
		if ifindex == 0 && scoped(addr) {
			ifindex = l.Ifindex
		}
		oob = pktinfo.AppendSource(oob, v4, addr, ifindex)
	}
	if h.ECN != 0 {
		class := s.class6.Load()
		if v4 {
			class = s.class4.Load()
		}
		oob = pktinfo.AppendClass(oob, v4, uint8(class)&^3|h.ECN)
	}
	return oob
}

// scoped reports whether a means something only together with an interface: a link-local
// IPv6 address (RFC 4007), or "::", which stands for the address of the interface that a
// multicast datagram came in by. IPv4 has no such addresses: an index beside an IPv4
// source would name the way out.
func scoped(a netip.Addr) bool { return a.Is6() && scoped6(a) }

// scoped6 is scoped for an IPv6 address. It is apart for scoped to be inlined.
func scoped6(a netip.Addr) bool { return a.IsLinkLocalUnicast() || a.IsUnspecified() }

// isGroup reports whether a shows by itself to be a multicast or broadcast address; a
// subnet's broadcast address does not. Nothing can be sent from one.
func isGroup(a netip.Addr) bool { return a.IsMulticast() || a == limitedBroadcast }

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// isGroup4 reports whether a is an IPv4 group or broadcast address, as far as is known of
// this host's subnets.
func (s *Selector) isGroup4(a netip.Addr) bool {
	return a.Is4() && (isGroup(a) || s.Guard != nil && s.Guard.Broadcast(a))
}

const (
	// recentLifetime is how long an answer is good for: an interface may be renamed, and its
	// addresses may change.
	recentLifetime = time.Second
	// maxRecent bounds the answers kept: what is asked for may be forged.
	maxRecent = 1 << 12
)

// A recent keeps what the kernel answered lately. Its zero value is empty.
type recent[K comparable, V any] struct {
	mu      sync.Mutex
	answers map[K]V
	expires time.Time
}

// get returns the answer for k that is kept, or else that of ask, which is kept if there is
// one.
func (r *recent[K, V]) get(k K, ask func(K) (V, bool)) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.After(r.expires) || len(r.answers) == maxRecent {
		r.answers, r.expires = make(map[K]V), now.Add(recentLifetime)
	}
	v, ok := r.answers[k]
	if !ok {
		if v, ok = ask(k); ok {
			r.answers[k] = v
		}
	}
	return v, ok
}
