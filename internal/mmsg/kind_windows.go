package mmsg

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// ErrTooLong is the system's error for a datagram longer than any can be.
var ErrTooLong = os.NewSyscallError("wsasendmsg", windows.WSAEMSGSIZE)

// KindOf returns the kind of a send's error.
func KindOf(err error) Kind {
	switch {
	case errors.Is(err, windows.WSAEMSGSIZE):
		return TooLong
	case errors.Is(err, windows.WSAEACCES):
		return Denied
	case errors.Is(err, windows.WSAENETUNREACH), errors.Is(err, windows.WSAEHOSTUNREACH), errors.Is(err, windows.WSAENETDOWN):
		return Unreachable
	case errors.Is(err, windows.WSAENOBUFS):
		return NoBuffer
	case errors.Is(err, windows.WSAEINVAL):
		return Invalid
	}
	return Other
}

func wouldBlock(error) bool { return false }
