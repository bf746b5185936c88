package dsrudp

import "net/netip"

// A sourceError tells why a local address cannot be the source. It matches
// ErrNotLocal and, where the kernel refused, the kernel's error.
type sourceError struct {
	local  netip.Addr
	remote netip.Addr
	why    string // after "cannot send from L to R: "
	cause  error  // the kernel's word, or nil when the library refused
}

func (e *sourceError) Error() string {
	s := "dsrudp: cannot send from " + e.local.String() + " to " + e.remote.String() + ": " + e.why
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

func (e *sourceError) Is(target error) bool { return target == ErrNotLocal }

func (e *sourceError) Unwrap() error { return e.cause }

// Reasons of a sourceError.
const (
	whyNotLocal = "no address or local route of this host has the local address; add it, as with `ip route add local ADDRESS dev DEVICE`, or answer from the Path that was received"
	whyGroup    = "a group cannot be a source; answer from the Path that was received, whose local address is the interface's own"
	whyFamily   = "the addresses are of different families"
	whyLoopback = "a loopback address cannot be the source towards another host"
	whyZone     = "a link-local address means nothing without the zone of an interface that there is; answer from the Path that was received"
	whyBound    = "the Conn is bound to one address, and that is the only one the kernel would choose"
	whyPort     = "the local port is not the one that the Conn is bound to; use that or 0"
	whyUnasked  = "the kernel could not be asked whether the local address is this host's"
)
