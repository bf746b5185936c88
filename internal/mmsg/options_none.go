//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd

package mmsg

import "net"

// Flags of a received message. These are Windows' values, see WSAMSG in ws2def.h; other
// systems of this file have no such call.
const (
	FlagTrunc    = 0x100 // the payload was longer than the buffer
	FlagCtrunc   = 0x200 // control messages were cut or left out
	FlagErrQueue = 0     // there is no error queue
	FlagDontWait = 0     // calls take no flags
)

// SetReusePort returns an error that matches errors.ErrUnsupported.
func SetReusePort(uintptr) error { return unsupported("several sockets on one address") }

// Bind returns an error that matches errors.ErrUnsupported.
func Bind(uintptr) (*net.UDPAddr, error) {
	return nil, unsupported("adopting a socket that is not bound")
}
