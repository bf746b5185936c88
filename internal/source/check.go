package source

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// guards reports whether Check, and not the kernel, validates the source a.
func (s *Selector) guards(a netip.Addr) bool {
	if a.Is4() {
		return s.Guard4
	}
	return s.Guard6 && a.IsValid() && !a.IsUnspecified()
}

// Check reports why no datagram may leave as h says now. It is called right before each
// try, also after a wait for room. Where the kernel validates the source it says nothing,
// and a socket bound to a loopback address sends to other hosts what the kernel lets it.
func (s *Selector) Check(h *Header) error {
	a := h.Local.Addr
	if a.Is4() && !s.Guard4 || !a.IsValid() || a.IsUnspecified() {
		return nil
	}
	remote := h.Remote.AddrPort.Addr()
	if a.Is6() && a.IsLoopback() && a != s.bound.Addr && !s.IsLocal(remote, h.Remote.Ifindex) {
		return &notLocalError{a, remote, whyLoopback, nil} // the kernel lets ::1 out
	}
	if !s.guards(a) {
		return nil
	}
	switch local, err := s.Guard.Local(a, h.Local.Ifindex); {
	case err != nil:
		return &notLocalError{a, remote, whyNotAsked, err}
	case !local:
		return &notLocalError{a, remote, whyNotHere(a), nil}
	}
	return nil
}

// IsLocal reports whether a datagram to a stays on this host, as far as is known. Ifindex
// is that of a where it is link-local.
func (s *Selector) IsLocal(a netip.Addr, ifindex uint32) bool {
	if a.IsLoopback() || a.IsUnspecified() { // "::" means the host itself
		return true
	}
	if s.Guard != nil {
		if local, err := s.Guard.Local(a, ifindex); err == nil {
			return local
		}
	}
	k := mmsg.Addr{AddrPort: netip.AddrPortFrom(a, 0)}
	if a.Is6() && a.IsLinkLocalUnicast() {
		k.Ifindex = ifindex
	}
	local, _ := s.probes.get(k, probe)
	return local
}

// probe reports whether an address is the host's, where the routing tables cannot be asked:
// without netlink, and on other systems than Linux. It is if a socket can be bound to it.
// Linux also binds to groups and broadcast addresses, of which no datagram comes, and where
// net.ipv4.ip_nonlocal_bind is set to any address, so that nothing is known then.
//
// Where no socket is to be had (EMFILE) the answer is yes, for once: a Server that takes an
// own address for a peer's may talk to itself without end.
func probe(a mmsg.Addr) (local, known bool) {
	addr := a.AddrPort.Addr()
	if addr.IsMulticast() {
		return false, true
	}
	err := bind(a)
	if err == nil {
		return bind(nobodys[addr.Is4()]) != nil, true
	}
	foreign := mmsg.AddrNotAvailable(err)
	return !foreign, foreign
}

// nobodys are addresses that are no host's, by whether they are IPv4 (RFC 1122, section
// 3.2.1.3; RFC 6666).
var nobodys = map[bool]mmsg.Addr{
	true:  {AddrPort: netip.MustParseAddrPort("0.0.0.1:0")},
	false: {AddrPort: netip.MustParseAddrPort("[100::1]:0")},
}

// bind returns the error of binding a socket to a.
func bind(a mmsg.Addr) error {
	addr := net.UDPAddrFromAddrPort(a.AddrPort)
	if a.Ifindex != 0 {
		addr.Zone = strconv.FormatUint(uint64(a.Ifindex), 10)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err == nil {
		conn.Close()
	}
	return err
}

// Explain returns err, of a send that the kernel refused, as a notLocalError if the source
// was the cause. The errno alone does not show it: a blackhole route is EINVAL, and a missing one
// ENETUNREACH, just as a source that is not local.
func (s *Selector) Explain(err error, h *Header) error {
	a, remote := h.Local.Addr, &h.Remote
	if !a.IsValid() || a.IsUnspecified() || !mmsg.MayBeBadSource(err) {
		return err
	}
	why := ""
	switch {
	case isGroup(a):
		why = whyGroup
	case a.IsLoopback() && a != s.bound.Addr && !s.IsLocal(remote.AddrPort.Addr(), remote.Ifindex):
		why = whyLoopback
	case s.Guard == nil && a.Is6() && s.Denied != nil && mmsg.KindOf(err) == mmsg.Invalid:
		why, err = whyDenied, fmt.Errorf("%w (%w)", s.Denied, err)
	case s.Guard == nil:
		if mmsg.AddrNotAvailable(err) {
			why = whyNotLocal
		}
	default:
		if local, e := s.Guard.Ask(a, h.Local.Ifindex); e == nil && !local {
			why = whyNotHere(a)
		}
	}
	if why == "" {
		return err
	}
	return &notLocalError{a, remote.AddrPort.Addr(), why, err}
}

// ErrNotLocal is what every notLocalError matches.
var ErrNotLocal = errors.New("dsrudp: not a local address")

// A notLocalError says why a local address cannot be the source.
type notLocalError struct {
	local, remote netip.Addr
	why           string
	cause         error // the kernel's, nil where it was not tried
}

func (e *notLocalError) Error() string {
	s := "dsrudp: cannot send from " + e.local.String() + " to " + e.remote.String() + ": " + e.why
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Is reports whether target is ErrNotLocal.
func (e *notLocalError) Is(target error) bool { return target == ErrNotLocal }

func (e *notLocalError) Unwrap() error { return e.cause }

// BindError returns err, of binding an IPv6 address, as ErrNotLocal if the kernel says that
// no interface has the address, and denied, if it is not nil, is why this process cannot ask
// whether it is a local route.
func BindError(err, denied error) error {
	if denied == nil || !mmsg.AddrNotAvailable(err) {
		return err
	}
	return fmt.Errorf("%w: %s: %w (%w)", ErrNotLocal, whyDenied, denied, err)
}

// whyNotHere returns why the guard does not call a local. For an IPv4 source it looks at the
// table local alone, as the kernel does.
func whyNotHere(a netip.Addr) string {
	if a.Is4() {
		return whyTable
	}
	return whyNotLocal
}

// Reasons of a notLocalError.
const (
	whyNotLocal = "no address or local route of this host has the local address"
	whyTable    = "no address or local route in the table local has the local address"
	whyGroup    = "a group cannot be a source"
	whyFamily   = "the addresses are of different families"
	whyLoopback = "a loopback address cannot be the source towards another host"
	whyZone     = "a link-local address needs the zone of an interface that there is"
	whyBound    = "the socket is bound to one address"
	whyPort     = "the local port is not the bound one, nor 0"
	whyDenied   = "an IPv6 address that is only a local route needs a netlink socket"
	whyNotAsked = "the kernel could not be asked whether the local address is this host's"
)
