package source

import (
	"errors"
	"net/netip"

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
	if a.Is6() && a.IsLoopback() && a != s.bound.Addr && !s.isLocal(h) {
		return &NotLocalError{a, remote, whyLoopback, nil} // the kernel lets ::1 out
	}
	if !s.guards(a) {
		return nil
	}
	switch local, err := s.Guard.Local(a, h.Local.Ifindex); {
	case err != nil:
		return &NotLocalError{a, remote, whyNotAsked, err}
	case !local:
		return &NotLocalError{a, remote, whyNotHere(a), nil}
	}
	return nil
}

// isLocal reports whether a datagram stays on this host, as far as is known.
func (s *Selector) isLocal(h *Header) bool {
	a := h.Remote.AddrPort.Addr()
	if a.IsLoopback() || a.IsUnspecified() { // "::" means the host itself
		return true
	}
	if s.Guard == nil {
		return false
	}
	local, err := s.Guard.Local(a, h.Remote.Ifindex)
	return local && err == nil
}

// Explain returns err, of a send that the kernel refused, as a NotLocalError if the source
// was the cause. The errno alone does not show it: a blackhole route is EINVAL, and a missing one
// ENETUNREACH, just as a source that is not local.
func (s *Selector) Explain(err error, h *Header) error {
	a := h.Local.Addr
	if !a.IsValid() || a.IsUnspecified() || !mmsg.MayBeBadSource(err) {
		return err
	}
	why := ""
	switch {
	case isGroup(a):
		why = whyGroup
	case a.IsLoopback() && a != s.bound.Addr && !s.isLocal(h):
		why = whyLoopback
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
	return &NotLocalError{a, h.Remote.AddrPort.Addr(), why, err}
}

// ErrNotLocal is what every NotLocalError matches.
var ErrNotLocal = errors.New("dsrudp: not a local address")

// A NotLocalError says why a local address cannot be the source.
type NotLocalError struct {
	Local, Remote netip.Addr
	Why           string
	Cause         error // the kernel's, nil where it was not tried
}

func (e *NotLocalError) Error() string {
	s := "dsrudp: cannot send from " + e.Local.String() + " to " + e.Remote.String() + ": " + e.Why
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Is reports whether target is ErrNotLocal.
func (e *NotLocalError) Is(target error) bool { return target == ErrNotLocal }

func (e *NotLocalError) Unwrap() error { return e.Cause }

// whyNotHere returns why the guard does not call a local. For an IPv4 source it looks at the
// table local alone, as the kernel does.
func whyNotHere(a netip.Addr) string {
	if a.Is4() {
		return whyTable
	}
	return whyNotLocal
}

// Reasons of a NotLocalError.
const (
	whyNotLocal = "no address or local route of this host has the local address"
	whyTable    = "no address or local route in the table local has the local address"
	whyGroup    = "a group cannot be a source"
	whyFamily   = "the addresses are of different families"
	whyLoopback = "a loopback address cannot be the source towards another host"
	whyZone     = "a link-local address needs the zone of an interface that there is"
	whyBound    = "the socket is bound to one address"
	whyPort     = "the local port is not the bound one, nor 0"
	whyNotAsked = "the kernel could not be asked whether the local address is this host's"
)
