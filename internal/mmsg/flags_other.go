//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd

package mmsg

// Flags of a received message. These are Windows' values, see WSAMSG in
// ws2def.h; systems that have no such call never set them.
const (
	FlagTrunc  = 0x100 // the payload was longer than the buffer
	FlagCtrunc = 0x200 // control messages were cut or left out

	FlagErrQueue = 0
)
