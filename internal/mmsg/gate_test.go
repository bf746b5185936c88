package mmsg

import (
	"runtime"
	"testing"

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

	began, shut := make(chan struct{}), make(chan struct{})
	go func() {
		close(began)
		g.shut()
		close(shut)
	}()
	<-began
	for range 100 {
		runtime.Gosched()
	}
	select {
	case <-shut:
		t.Fatal("shut with somebody inside")
	default:
	}
	g.leave()
	<-shut
	require.False(t, g.enter())
	g.shut() // which it is
	g.open()
	require.True(t, g.enter())
}
