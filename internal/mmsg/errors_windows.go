package mmsg

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

var (
	// ErrWouldBlock is returned by a send that finds no room in the send buffer. Net waits
	// for room here.
	ErrWouldBlock = os.NewSyscallError("wsasendmsg", windows.WSAEWOULDBLOCK)
	// ErrTooLong is the error for a datagram longer than any can be.
	ErrTooLong = os.NewSyscallError("wsasendmsg", windows.WSAEMSGSIZE)
)

// KindOf returns the kind of a send's error.
func KindOf(err error) Kind {
	switch {
	case errors.Is(err, windows.WSAEMSGSIZE):
		return TooLong
	case errors.Is(err, windows.WSAEACCES):
		return Denied
	case errors.Is(err, windows.WSAENOBUFS):
		return NoBuffer
	case errors.Is(err, windows.WSAEINVAL):
		return Invalid
	}
	return Other
}

// MayBeBadSource reports whether by err, a send's, the system may mean that the source
// address is not local.
func MayBeBadSource(err error) bool {
	return AddrNotAvailable(err) || errors.Is(err, windows.WSAEINVAL)
}

// AddrNotAvailable reports whether err says that an address is not one of the host's.
func AddrNotAvailable(err error) bool { return errors.Is(err, windows.WSAEADDRNOTAVAIL) }

// Refused is false: it matters to messages of several datagrams, which Windows does not take.
func Refused(error) bool { return false }
