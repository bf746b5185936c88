//go:build !unix && !windows

package mmsg

// MayBeBadSource reports whether a send failed with an error by which the
// system may mean that the source address is not local.
func MayBeBadSource(error) bool { return false }

// AddrNotAvailable reports whether err is the system's word that an address is
// not one of the host's.
func AddrNotAvailable(error) bool { return false }
