package mmsg

import (
	"errors"

	"golang.org/x/sys/windows"
)

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
