//go:build unix

package mmsg

import (
	"errors"
	"syscall"
)

// MayBeBadSource reports whether a send failed with an error by which the
// kernel may mean that the source address is not local. Linux says EINVAL or
// ENETUNREACH, others EADDRNOTAVAIL or EINVAL. All of them have other causes
// too (no route, a blackhole route), so that this is a reason to ask further,
// never a verdict.
func MayBeBadSource(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// AddrNotAvailable reports whether err is the system's word that an address is
// not one of the host's.
func AddrNotAvailable(err error) bool { return errors.Is(err, syscall.EADDRNOTAVAIL) }

// Refused reports whether err is the kernel's word that nobody listened to an earlier
// datagram to the connected peer (ICMP port unreachable). It says so once.
func Refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
