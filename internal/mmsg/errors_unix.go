//go:build unix

package mmsg

import (
	"errors"
	"os"
	"syscall"
)

// ErrTooLong is the system's error for a datagram longer than any can be.
var ErrTooLong = os.NewSyscallError("sendmsg", syscall.EMSGSIZE)

// KindOf returns the kind of a send's error.
func KindOf(err error) Kind {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return Other
	}
	switch errno {
	case syscall.EMSGSIZE:
		return TooLong
	case syscall.EPERM, syscall.EACCES:
		return Denied
	case syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN, syscall.ECONNREFUSED:
		return Unreachable
	case syscall.ENOBUFS, syscall.ENOMEM:
		return NoBuffer
	case syscall.EINVAL:
		return Invalid
	case syscall.EIO:
		return IO
	}
	return Other
}

// WouldBlock reports whether a call that was not to wait would have had to.
func WouldBlock(err error) bool { return errors.Is(err, syscall.EAGAIN) }

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
