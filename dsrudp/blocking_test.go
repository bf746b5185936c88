package dsrudp_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestBlockingDescription: Fd on a duplicate makes the socket blocking for all
// its duplicates. A raw system call that trusted O_NONBLOCK would then keep its
// processor while it waits, and the garbage collector would wait for it, and all
// else for the garbage collector: so this happens in a process of its own.
func TestBlockingDescription(t *testing.T) {
	if !apart(t, "the garbage collector waits for a reader of an idle Conn") {
		return
	}

	c := listen(t, "udp4", ":0")
	require.NoError(t, c.SetDeadline(time.Time{}))
	f, err := c.File()
	require.NoError(t, err)
	defer f.Close()
	f.Fd()

	reading, done := make(chan struct{}), make(chan error)
	go func() {
		close(reading)
		_, _, err := c.ReadFromPath(make([]byte, 16))
		done <- err
	}()
	<-reading
	for range 100 { // the reader may not be in its call yet at the first of these
		runtime.GC()
	}
	write(t, dialVIP(t, c, vips[0]), "1")
	require.NoError(t, <-done)
}
