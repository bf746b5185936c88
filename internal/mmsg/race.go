//go:build linux && race && !dsrudp_portable

package mmsg

import (
	"runtime"
	"unsafe"
)

// The race detector does not see memory that a raw system call reads or
// writes. These tell it.

func raceRead(b []byte) {
	if len(b) > 0 {
		runtime.RaceReadRange(unsafe.Pointer(unsafe.SliceData(b)), len(b))
	}
}

func raceWrite(b []byte) {
	if len(b) > 0 {
		runtime.RaceWriteRange(unsafe.Pointer(unsafe.SliceData(b)), len(b))
	}
}

const raceEnabled = true

// raceReceived tells of what a receive wrote.
func (b *InBatch) raceReceived() {
	for i := range b.hdrs[:b.done] {
		left := int(b.hdrs[i].n)
		for _, v := range vectors(&b.hdrs[i].hdr) {
			n := min(left, int(v.Len))
			raceWrite(unsafe.Slice(v.Base, n))
			left -= n
		}
	}
}

// raceSent tells of what a send is about to read.
func (b *OutBatch) raceSent() {
	for i := b.from; i < b.to; i++ {
		h := &b.hdrs[i].hdr
		for _, v := range vectors(h) {
			raceRead(unsafe.Slice(v.Base, int(v.Len)))
		}
		raceRead(unsafe.Slice(h.Control, int(h.Controllen)))
	}
}
