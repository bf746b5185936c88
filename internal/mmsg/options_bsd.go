//go:build darwin || freebsd || netbsd || openbsd

package mmsg

import (
	"os"

	"golang.org/x/sys/unix"
)

// Flags of a received message, see recvmsg(2).
const (
	FlagTrunc    = unix.MSG_TRUNC  // the payload was longer than the buffer
	FlagCtrunc   = unix.MSG_CTRUNC // control messages were cut or left out
	FlagErrQueue = 0               // there is no error queue
	FlagDontWait = 0               // calls take no flags
)

// SetReusePort lets several sockets of one user share an address: SO_REUSEPORT of
// setsockopt(2). These systems may give all datagrams to one of them.
func SetReusePort(fd uintptr) error {
	return os.NewSyscallError("setsockopt SO_REUSEPORT", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}
