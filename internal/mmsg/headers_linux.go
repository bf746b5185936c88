//go:build !dsrudp_portable

package mmsg

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32 // bytes of payload transferred
}

// headers are the memory of several messages. They stay armed: what a call does not
// change is not written again.
type headers struct {
	hdrs  []mmsghdr
	names []sockaddr
	iovs  []unix.Iovec
	oob   []byte
	room  int // of oob for each message
}

// newHeaders returns headers of n messages, each with room for oob bytes of control
// messages, and for so many pieces of memory on average.
func newHeaders(n, pieces, oob int) headers {
	oob = (oob + 7) &^ 7 // where control messages may start
	hs := headers{
		hdrs:  make([]mmsghdr, n),
		names: make([]sockaddr, n),
		iovs:  make([]unix.Iovec, pieces*n),
		oob:   make([]byte, n*oob),
		room:  oob,
	}
	for i := range hs.hdrs {
		h := &hs.hdrs[i].hdr
		h.Name = &hs.names[i][0]
		h.Iov = &hs.iovs[i]
		h.SetIovlen(1)
		h.Control = unsafe.SliceData(hs.control(i))
	}
	return hs
}

func (hs *headers) control(i int) []byte { return hs.oob[i*hs.room:][:hs.room:hs.room] }

func vectors(h *unix.Msghdr) []unix.Iovec { return unsafe.Slice(h.Iov, int(h.Iovlen)) }
