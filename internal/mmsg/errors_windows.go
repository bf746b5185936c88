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

// WouldBlock reports whether a call that was not to wait would have had to.
func WouldBlock(error) bool { return false }

// MayBeBadSource reports whether a send failed with an error by which the
// system may mean that the source address is not local.
func MayBeBadSource(err error) bool {
	return AddrNotAvailable(err) || errors.Is(err, windows.WSAEINVAL)
}

// AddrNotAvailable reports whether err is the system's word that an address is
// not one of the host's.
func AddrNotAvailable(err error) bool { return errors.Is(err, windows.WSAEADDRNOTAVAIL) }

// Refused is false: it matters to messages of several datagrams, of which Windows is
// given none.
func Refused(error) bool { return false }
