package source

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

// ErrNoPath says that no local address is known to send from.
var ErrNoPath = errors.New("dsrudp: no local address known to send from")

// The By functions choose a source, in the order in which the package documentation of
// dsrudp lists the ways. Each fills in h, which is zero but for ECN. None asks the guard:
// Check does, right before the datagram is tried. For a remote address that net refuses
// on this socket they return the error that net has inside its OpError.

// ByArrival chooses for the answer to a datagram from remote.
func (s *Selector) ByArrival(remote *mmsg.Addr, a *Arrival, h *Header) error {
	if h.Local, h.Remote = a.Local, *remote; !h.Local.Addr.IsValid() {
		return ErrNoPath
	}
	s.LeaveBy(a.Ifindex, h)
	return s.finish(h)
}

// ByPath chooses what a Path asks for.
func (s *Selector) ByPath(local, remote netip.AddrPort, h *Header) error {
	if s.Connected && Unmap(remote) == Unmap(s.Config.Peer) {
		h.Remote = s.peer
	} else if err := s.remote(remote, h); err != nil {
		return err
	}
	return s.byLocal(local, h)
}

// ByControl chooses what the control messages oob of the caller ask for, and else as
// ByUDPAddr does. It appends those that name no source to others.
func (s *Selector) ByControl(oob, others []byte, addr *net.UDPAddr, h *Header) ([]byte, error) {
	if addr == nil && s.Connected {
		h.Remote = s.peer
	} else if err := s.remoteUDP(addr, h); err != nil {
		return nil, err
	}
	return s.byControl(oob, others, addr, h)
}

// ByControlAddrPort is ByControl for a remote address that carries nothing.
func (s *Selector) ByControlAddrPort(oob, others []byte, addr netip.AddrPort, h *Header) ([]byte, error) {
	if !addr.IsValid() && s.Connected {
		h.Remote = s.peer
	} else if err := s.remote(addr, h); err != nil {
		return nil, err
	}
	return s.byControl(oob, others, nil, h)
}

// ByUDPAddr chooses what addr carries, and else as ByAddrPort does.
func (s *Selector) ByUDPAddr(addr *net.UDPAddr, h *Header) error {
	if err := s.remoteUDP(addr, h); err != nil {
		return err
	}
	return s.byCarried(addr, h)
}

// ByAddrPort chooses for a remote address alone.
func (s *Selector) ByAddrPort(addr netip.AddrPort, h *Header) error {
	if err := s.remote(addr, h); err != nil {
		return err
	}
	return s.byMemory(h)
}

// ByPeer chooses on a socket that has a peer.
func (s *Selector) ByPeer(h *Header) error {
	h.Local, h.Remote = s.bound, s.peer
	return s.finish(h)
}

// Find returns the bound address, or what is remembered of remote.
func (s *Selector) Find(remote netip.AddrPort) (Local, pathmem.State) {
	var h Header
	s.setRemote(remote, &h.Remote)
	state := s.find(&h)
	return h.Local, state
}

// find stores in h.Local the bound address, or what is remembered of h.Remote.
func (s *Selector) find(h *Header) (state pathmem.State) {
	if !s.Wildcard() {
		h.Local = s.bound
		return pathmem.Known
	}
	if s.Memory != nil {
		h.Local.Addr, h.Local.Ifindex, state = s.Memory.Find(h.Remote.AddrPort, h.Remote.Ifindex)
	}
	return state
}

// byLocal chooses the local address of a Path.
func (s *Selector) byLocal(local netip.AddrPort, h *Header) error {
	addr := local.Addr()
	if !addr.IsValid() {
		return ErrNoPath
	}
	if p := local.Port(); p != 0 && p != s.port {
		return &notLocalError{addr, h.Remote.AddrPort.Addr(), whyPort, nil}
	}
	h.Local.Addr = addr.Unmap()
	if addr.Is6() {
		h.Local.Addr = h.Local.Addr.WithZone("") // netip does not call "::%eth0" unspecified
		if scoped(h.Local.Addr) {
			if h.Local.Ifindex = s.ifindex(addr.Zone()); h.Local.Ifindex == 0 && addr.Zone() != "" {
				return &notLocalError{addr, h.Remote.AddrPort.Addr(), whyZone, nil}
			}
		}
	}
	if h.Local.Addr.IsUnspecified() && h.Local.Ifindex == 0 {
		return ErrNoPath // sending it would leave the choice to the kernel
	}
	return s.finish(h)
}

// byControl chooses the source that oob names, or leaves by the interface that it names.
func (s *Selector) byControl(oob, others []byte, addr *net.UDPAddr, h *Header) ([]byte, error) {
	if len(oob) == 0 {
		return others, s.byCarried(addr, h)
	}
	to := h.Remote.AddrPort.Addr()
	// One of the other family the kernel would ignore in silence: finish refuses it.
	r, err := pktinfo.ParseRequest(oob, to.Is4())
	if err != nil {
		return nil, err
	}
	others = pktinfo.AppendOthers(others, oob)
	// Received control messages may be handed back as they came. Of a datagram queued
	// before the socket had IP_PKTINFO they have nothing but the destination in the
	// header, which the kernel ignores; of one to a group, the address for the way back.
	src := r.Src
	if !src.IsValid() && r.HeaderDst.IsValid() {
		if src = s.headerDestination(r.HeaderDst); !src.IsValid() {
			return nil, ErrNoPath
		}
	}
	if src.Is4() && s.isGroup4(r.HeaderDst) {
		src = s.groupSource(src, r.Ifindex)
	}
	switch {
	case src.IsValid():
		h.Local = Local{Addr: src}
		if scoped(src) {
			h.Local.Ifindex = r.Ifindex
		}
		s.LeaveBy(r.Ifindex, h)
		if needsInterface(to) {
			h.Local.Out = r.Ifindex
		}
		return others, s.finish(h)
	case r.Ifindex == 0:
		return others, s.byCarried(addr, h)
	}
	return others, s.byInterface(r.Ifindex, addr, h)
}

// byInterface chooses for a caller that names only the interface to leave by, as servers
// of DHCP and mDNS do. A peer that is known is still answered from where it wrote to; for
// others, and for groups, the kernel chooses among the interface's addresses.
func (s *Selector) byInterface(ifindex uint32, addr *net.UDPAddr, h *Header) error {
	h.Local = s.bound
	if !isGroup(h.Remote.AddrPort.Addr()) {
		if err := s.byCarried(addr, h); err != nil {
			return err
		}
	}
	h.Local.Out = ifindex
	if scoped(h.Local.Addr) {
		h.Local.Ifindex = ifindex // which is what Check asks about
	}
	return s.finish(h)
}

// byCarried chooses what addr carries, if that is of this port. A socket that is bound to
// one address takes no more of it than the interface.
func (s *Selector) byCarried(addr *net.UDPAddr, h *Header) error {
	if !s.Wildcard() && !s.ByInterface {
		return s.byMemory(h)
	}
	c, ok := udpaddr.Parse(addr)
	switch {
	case !ok || c.Local.Port() != s.port:
		return s.byMemory(h)
	case !s.Wildcard():
		h.Local = s.bound
	case c.Lost:
		return ErrNoPath
	default:
		h.Local.Addr = c.Local.Addr().WithZone("")
		if scoped(h.Local.Addr) {
			h.Local.Ifindex = c.Ifindex
		}
	}
	s.LeaveBy(c.Ifindex, h)
	return s.finish(h)
}

// byMemory chooses the bound address, or the one that the remote last wrote to, or leaves
// it to the kernel. A guess is counted, and refused with Strict.
func (s *Selector) byMemory(h *Header) error {
	switch s.find(h) {
	case pathmem.Known:
		return s.finish(h)
	case pathmem.Lost:
		return ErrNoPath
	case pathmem.Ambiguous:
		s.Counts.AmbiguousPath.Add(1)
	default:
		s.Counts.UnknownPath.Add(1)
	}
	if s.Strict {
		return ErrNoPath
	}
	return s.finish(h)
}

// LeaveBy chooses the interface of the request to leave by, where ByInterface asks
// for it. A scope has its interface already. What is for this host itself is left to the
// routing table: the kernel names the interface of the VIP for its requests, and would send
// the answer out there, where nobody takes it (K1.6).
func (s *Selector) LeaveBy(ifindex uint32, h *Header) {
	if s.ByInterface && !scoped(h.Local.Addr) && !s.IsLocal(h.Remote.AddrPort.Addr(), h.Remote.Ifindex) {
		h.Local.Out = ifindex
	}
}

// finish gives h.Local the scope of the remote where it needs one and has none, and
// refuses what can never leave so. What the kernel refuses by itself it leaves to the
// kernel.
func (s *Selector) finish(h *Header) error {
	l, remote := &h.Local, h.Remote.AddrPort.Addr()
	if !l.Addr.IsValid() || l.Addr.Is4() && remote.Is4() && !s.Guard4 {
		return nil
	}
	why := ""
	switch {
	case l.Addr.Is4() != remote.Is4():
		if *l == s.bound && s.Family == pktinfo.IPv6 {
			return nil // the kernel refuses every IPv4 peer
		}
		why = whyFamily // the kernel ignores a control message of the wrong family
	case l.Addr.IsUnspecified():
		if !s.Wildcard() {
			why = whyBound
		}
	case scoped(l.Addr):
		if l.Ifindex == 0 {
			l.Ifindex = h.Remote.Ifindex
		}
		if l.Ifindex == 0 {
			why = whyZone
		}
	case s.guards(l.Addr) && isGroup(l.Addr):
		why = whyGroup
	}
	if why != "" {
		return &notLocalError{l.Addr, remote, why, nil}
	}
	return nil
}

// needsInterface reports whether a datagram to a takes the way out that the sender names,
// as the routing table cannot know it.
func needsInterface(a netip.Addr) bool { return isGroup(a) || a.Is6() && a.IsLinkLocalUnicast() }

// remote stores addr in h, by net's rules.
func (s *Selector) remote(addr netip.AddrPort, h *Header) error {
	switch {
	case s.Connected:
		return net.ErrWriteToConnected
	case !addr.IsValid():
		return errMissingAddress
	case s.Family == pktinfo.IPv4 && !addr.Addr().Unmap().Is4():
		return &net.AddrError{Err: "non-IPv4 address", Addr: addr.Addr().String()}
	}
	s.setRemote(addr, &h.Remote)
	return nil
}

// remoteUDP stores addr in h, by net's rules: an address without IP, and 0.0.0.0 on an
// AF_INET6 socket, are the unspecified address.
func (s *Selector) remoteUDP(addr *net.UDPAddr, h *Header) error {
	switch {
	case s.Connected:
		return net.ErrWriteToConnected
	case addr == nil:
		return errMissingAddress
	}
	v4 := s.Family == pktinfo.IPv4
	ip, ok := netip.AddrFromSlice(addr.IP)
	ip = ip.Unmap()
	switch {
	case len(addr.IP) == 0 && v4:
		ip = netip.IPv4Unspecified()
	case len(addr.IP) == 0, !v4 && ip == netip.IPv4Unspecified():
		ip = netip.IPv6Unspecified()
	case v4 && !ip.Is4():
		return &net.AddrError{Err: "non-IPv4 address", Addr: addr.IP.String()}
	case !ok:
		return &net.AddrError{Err: "non-IPv6 address", Addr: addr.IP.String()}
	}
	if uint(addr.Port) > 1<<16-1 {
		return syscall.EINVAL
	}
	h.Remote.AddrPort = netip.AddrPortFrom(ip, uint16(addr.Port))
	if addr.Zone != "" && ip.Is6() {
		h.Remote.Ifindex = s.ifindex(addr.Zone)
	}
	return nil
}

// errMissingAddress is net's own, which it does not export.
var errMissingAddress = func() error {
	_, err := net.DialUDP("udp", nil, nil)
	return errors.Unwrap(err)
}()
