//go:build linux && race

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
