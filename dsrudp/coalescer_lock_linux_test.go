package dsrudp_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestOnWriteErrorLocks: OnWriteError may take a lock that the goroutine has whose
// read found out that a held datagram was not sent.
func TestOnWriteErrorLocks(t *testing.T) {
	var mu sync.Mutex
	told := make(chan dsrudp.Path, 1)
	c := listenWith(t, &dsrudp.ListenConfig{CoalesceWrites: true, OnWriteError: func(p dsrudp.Path, _ error) {
		mu.Lock()
		defer mu.Unlock()
		told <- p
	}}, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	requireAhead(t, c, x, 2)
	p := pathFrom(c, vips[0], x)
	b := make([]byte, 16)
	read := make(chan error, 1)
	go func() {
		mu.Lock()
		defer mu.Unlock()
		_, err := c.WriteToPath(make([]byte, 65508), p) // held; the kernel will refuse it
		assert.NoError(t, err)
		_, _, err = c.ReadFromPath(b)
		assert.NoError(t, err)
		assert.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
		_, _, err = c.ReadFromPath(b) // nothing is left: what is held goes
		read <- err
	}()
	require.ErrorIs(t, await(t, read), errTimeout)
	require.Equal(t, p, await(t, told))
}
