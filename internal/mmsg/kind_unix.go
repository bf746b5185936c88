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

func wouldBlock(err error) bool { return errors.Is(err, syscall.EAGAIN) }
