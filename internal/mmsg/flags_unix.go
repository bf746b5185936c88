//go:build darwin || freebsd || netbsd || openbsd || (linux && dsrudp_portable)

package mmsg

import "golang.org/x/sys/unix"

// Flags of a received message, see recvmsg(2).
const (
	FlagTrunc  = unix.MSG_TRUNC  // the payload was longer than the buffer
	FlagCtrunc = unix.MSG_CTRUNC // control messages were cut or left out

	FlagErrQueue = 0 // these systems have none
)
