//go:build unix

package mmsg

import (
	"errors"
	"os"
	"syscall"
)

var (
	// ErrWouldBlock is returned by a send that finds no room in the send buffer. It is
	// compared by ==.
	ErrWouldBlock = os.NewSyscallError("sendmsg", syscall.EAGAIN)
	// ErrTooLong is the error for a datagram longer than any can be.
	ErrTooLong = os.NewSyscallError("sendmsg", syscall.EMSGSIZE)
)

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
	case syscall.ENOBUFS, syscall.ENOMEM, syscall.EAGAIN:
		return NoBuffer
	case syscall.EINVAL:
		return Invalid
	case syscall.EIO:
		return IO
	}
	return Other
}

// MayBeBadSource reports whether by err, a send's, the kernel may mean that the source
// address is not local. Linux returns EINVAL or ENETUNREACH, others EADDRNOTAVAIL or
// EINVAL. All of them have other causes too (no route, a blackhole route), so this is a
// reason to ask, no verdict.
func MayBeBadSource(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENETUNREACH) || AddrNotAvailable(err)
}

// AddrNotAvailable reports whether err says that an address is not one of the host's.
func AddrNotAvailable(err error) bool { return errors.Is(err, syscall.EADDRNOTAVAIL) }

// Refused reports whether err says that nobody listened to an earlier datagram to the
// connected peer (ICMP port unreachable). The kernel returns it once.
func Refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
