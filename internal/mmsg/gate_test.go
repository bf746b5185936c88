package mmsg

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TestGate: a gate is for one, a new one is shut, and it shuts when nobody is inside.
func TestGate(t *testing.T) {
	var g gate
	require.False(t, g.enter())
	g.open()
	require.True(t, g.enter())
	require.False(t, g.enter(), "somebody is inside")
	g.open()
	require.False(t, g.enter(), "somebody is inside")
	g.leave()
	require.True(t, g.enter())

	var left, again bool // before g.leave and after
	go func() {
		shuts(&g)
		for range 1000 { // for a shut that does not wait to return
			runtime.Gosched()
		}
		again = g.enter()
		left = true
		g.leave()
	}()
	g.shut()
	require.True(t, left, "shut with somebody inside")
	require.False(t, again, "entered while it was shut")
	require.False(t, g.enter())
	g.shut() // which it is
	require.False(t, g.enter())
	g.open()
	require.True(t, g.enter())
}

// shuts waits until g is being shut, and reports false when that is not so in a long
// time.
func shuts(g *gate) bool {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if g.state.Load()&gateOpen == 0 {
			return true
		}
		runtime.Gosched()
	}
	return false
}

// TestGateNotHeldOpen: who leaves while the gate is being shut does not get in again,
// however fast it comes back.
func TestGateNotHeldOpen(t *testing.T) {
	var g gate
	g.open()
	require.True(t, g.enter())
	shut := make(chan struct{})
	go func() {
		defer close(shut)
		g.shut()
	}()
	begun := shuts(&g)
	g.leave()
	require.True(t, begun)
	require.False(t, g.enter())
	<-shut
}

// TestGateAlone: what is beside a gate is in another cache line.
func TestGateAlone(t *testing.T) {
	const line = 64
	var g gate
	require.GreaterOrEqual(t, unsafe.Offsetof(g.state), line-unsafe.Sizeof(g.state))
	require.GreaterOrEqual(t, unsafe.Sizeof(g)-unsafe.Offsetof(g.state), uintptr(line))
}
