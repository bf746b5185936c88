package mmsg

import (
	"runtime"
	"sync/atomic"
)

// A gate lets one goroutine at a time use the socket's descriptor without asking
// net for it. What net does around each call, which is a reference to the
// descriptor, a lock and a look at the deadline, costs more than a percent of an
// echo.
//
// It is shut, as a new one is, while net has something to say about calls: while a
// deadline is set, from Close on, and always where somebody else may close the
// descriptor, whose number may be another file's then. Who finds it shut, or
// somebody inside, asks net.
type gate struct {
	// Each call writes the state: nothing that is read beside it shares its cache
	// line.
	_     [60]byte
	state atomic.Int32
	_     [60]byte
}

const (
	gateOpen  int32 = 1 << iota // who comes may enter
	gateTaken                   // somebody is inside, who may have come before it was shut
)

// enter reports whether the caller may use the descriptor until it calls leave,
// which it has to do soon: nothing in between may wait.
func (g *gate) enter() bool {
	return g.state.Load() == gateOpen && g.state.CompareAndSwap(gateOpen, gateOpen|gateTaken)
}

// leave subtracts, as And would have to look first at what it finds.
func (g *gate) leave() { g.state.Add(-gateTaken) }

// close lets nobody in any more. It does not wait for who is inside, who may be off its
// processor.
func (g *gate) close() { g.state.And(^gateOpen) }

// shut is close that returns when nobody is inside.
func (g *gate) shut() {
	g.close()
	for g.state.Load() != 0 {
		runtime.Gosched()
	}
}

// open ends close and shut.
func (g *gate) open() { g.state.Or(gateOpen) }
