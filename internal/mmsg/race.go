//go:build linux && race && !dsrudp_portable

package mmsg

import (
	"runtime"
	"unsafe"
)

// The race detector does not see what a raw system call reads and writes (K5.5). These
// functions report it.

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

// raceReceived reports what a receive wrote.
func (in *In) raceReceived() {
	for i := range in.hdrs[:in.done] {
		left := int(in.hdrs[i].n)
		for _, v := range in.vectors[i] {
			n := min(left, int(v.Len))
			raceWrite(unsafe.Slice(v.Base, n))
			left -= n
		}
	}
}

// raceSent reports what a send is about to read.
func (o *Out) raceSent() {
	for i := o.from; i < o.to; i++ {
		for _, v := range o.vectors[i] {
			raceRead(unsafe.Slice(v.Base, int(v.Len)))
		}
		raceRead(o.ControlOf(i))
	}
}
