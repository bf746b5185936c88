package mmsg

import (
	"runtime"
	"sync/atomic"
)

// A gate lets one goroutine at a time use the socket's descriptor without asking
// net for it. What net does around each call, which is a reference to the
// descriptor, a lock and a look at the deadline, costs a percent of an echo.
//
// It is shut, as a new one is, while net has something to say about calls: while a
// deadline is set, from Close on, and always where somebody else may close the
// descriptor, whose number may be another file's then. Who finds it shut, or
// somebody inside, asks net.
type gate struct {
	state atomic.Uint32
	_     [60]byte // the gate of the other direction has a cache line of its own
}

const (
	gateShut uint32 = iota
	gateFree
	gateTaken
)

// enter reports whether the caller may use the descriptor until it calls leave,
// which it has to do soon: nothing in between may wait.
func (g *gate) enter() bool {
	return g.state.Load() == gateFree && g.state.CompareAndSwap(gateFree, gateTaken)
}

func (g *gate) leave() { g.state.Store(gateFree) }

// shut returns when nobody is inside, and from then on nobody gets in.
func (g *gate) shut() {
	for !g.state.CompareAndSwap(gateFree, gateShut) && g.state.Load() != gateShut {
		runtime.Gosched()
	}
}

func (g *gate) open() { g.state.CompareAndSwap(gateShut, gateFree) }
