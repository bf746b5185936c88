//go:build !dsrudp_portable

package mmsg

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SocketOf makes a Socket of what is not UDP's.
func SocketOf(raw syscall.RawConn, plain bool) *Socket {
	return &Socket{raw: raw, connected: true, plain: plain}
}

// Expire has the write deadline pass and Revive takes it back, for who does not ask net.
func (s *Socket) Expire() { s.writeDeadline.Store(1) }
func (s *Socket) Revive() { s.writeDeadline.Store(0) }

// SetBusy has Loop go by a wait that began, and a yield that was, so long ago.
func (in *In) SetBusy(wait, yield time.Duration) { in.left, in.yield = now()-wait, now()-yield }

// Keeps reports whether o keeps payloads alive.
func (o *Out) Keeps() bool {
	for _, v := range o.vectors {
		for _, piece := range v[:cap(v)] {
			if piece.Base != nil {
				return true
			}
		}
	}
	return false
}

// RecvFrom makes a system call that blocks if the descriptor does.
func (s *Socket) RecvFrom(fd uintptr, b []byte) (int, syscall.Errno) {
	return s.call(unix.SYS_RECVFROM, fd, unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b)), 0)
}
