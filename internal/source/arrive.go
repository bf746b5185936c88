package source

import (
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// Arrived stores in a, which is zero, what r says, and remembers it: the guard asks about
// the local address as for this datagram, and the path memory notes the remote. All
// receives end here.
func (s *Selector) Arrived(r *mmsg.Received, a *Arrival) {
	if !s.Wildcard() {
		a.Local = s.bound
	}
	if s.control || len(r.Control) > 0 {
		var info pktinfo.Info
		pktinfo.Parse(r.Control, &info)
		a.Ifindex, a.ECN = info.Ifindex, info.ECN
		if info.SegmentSize < r.N { // one that is not less says that there is one datagram
			a.SegmentSize = info.SegmentSize
		}
		if s.control {
			s.destination(&info, a)
		}
	}
	if !a.Local.Addr.IsValid() {
		s.Counts.LostPath.Add(1)
	}
	if s.control && s.guards(a.Local.Addr) {
		// Check will report the error, if there still is one.
		_, _ = s.Guard.Received(a.Local.Addr, a.Ifindex, r.From.AddrPort.Addr())
	}
	if s.Memory != nil && r.From.AddrPort.Port() != 0 { // to port 0 nothing can be sent
		s.Memory.Note(r.From.AddrPort, r.From.Ifindex, a.Local.Addr, a.Local.Ifindex)
	}
}

// destination stores in a the local address to answer from, which is never a group's, and
// the destination where that is another.
func (s *Selector) destination(info *pktinfo.Info, a *Arrival) {
	switch l := info.Local; {
	case !l.IsValid():
		if dst := info.Dst; dst.IsValid() && dst != s.bound.Addr && !s.isGroup4(dst) {
			a.Local = Local{Addr: s.headerDestination(dst)} // lost, where that is not known to be the host's
		}
	case l.Is4():
		if l != info.Dst {
			l = s.groupSource(l, info.Ifindex)
		}
		a.Local.Addr = l
	default:
		a.Local = Local{Addr: l}
		if scoped6(l) {
			a.Local.Ifindex = info.Ifindex
		}
	}
	if info.Dst != a.Local.Addr {
		a.Dst = info.Dst
	}
}

// headerDestination returns dst if it is local: of a datagram that was queued before the
// socket had IP_PKTINFO only the destination in the header is known, which may be the
// broadcast address of a subnet.
func (s *Selector) headerDestination(dst netip.Addr) netip.Addr {
	if dst.IsValid() && s.Guard != nil {
		if local, err := s.Guard.Local(dst, 0); err == nil && local {
			return dst
		}
	}
	return netip.Addr{}
}

type groupKey struct {
	ifindex uint32
	specDst netip.Addr
}

// groupSource returns the address to answer an IPv4 datagram from that was sent to a group
// and arrived on interface ifindex: specDst if the interface has it, else one that it has,
// and specDst after all if it has none.
//
// The kernel's spec_dst is the address that it would have chosen for the way back: where
// requests come in by one interface and answers leave by another, it is the other's.
func (s *Selector) groupSource(specDst netip.Addr, ifindex uint32) netip.Addr {
	if ifindex == 0 {
		return specDst
	}
	source, _ := s.groups.get(groupKey{ifindex, specDst}, func(k groupKey) (source netip.Addr, ok bool) {
		source = k.specDst
		name := s.zone(k.ifindex)
		// The error is the socket's being closed.
		_ = s.Socket.Control(func(fd uintptr) error {
			if a, ok := mmsg.InterfaceAddr(fd, name, k.specDst); ok {
				source = a
			}
			return nil
		})
		return source, true
	})
	return source
}
