package dsrudp_test

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// cmsghdr writes a control message's header for n bytes of data to b, and
// returns the data.
func cmsghdr(b []byte, level, typ, n int) []byte {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.SetLen(unix.CmsgLen(n))
	h.Level, h.Type = int32(level), int32(typ)
	return b[unix.CmsgLen(0):unix.CmsgLen(n)]
}
