package dsrudp_test

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// listenOccupied is listenHolding, with what makes a write in progress, for which others
// wait until release is called.
func listenOccupied(t *testing.T) (c *dsrudp.Conn, tell chan heldError, occupy func() (release func())) {
	t.Helper()
	var raw syscall.RawConn
	tell = make(chan heldError, 100)
	c = listenWith(t, &dsrudp.ListenConfig{
		CoalesceWrites: true,
		OnWriteError:   func(p dsrudp.Path, err error) { tell <- heldError{p, err} },
		Control: func(_, _ string, rc syscall.RawConn) error {
			raw = rc // the Conn gives none to write by
			return nil
		},
	}, "udp4", ":0")
	return c, tell, func() func() {
		inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(left)
			assert.NoError(t, raw.Write(func(uintptr) bool {
				close(inside)
				<-leave
				return true
			}))
		}()
		await(t, inside)
		release := sync.OnceFunc(func() {
			close(leave)
			<-left
		})
		t.Cleanup(release) // Close waits for it
		return release
	}
}

// TestHeldReaderWaitsForNobody: who wants to read does not wait for another's write to
// send what is held, neither under a write deadline nor where the kernel wants it one by
// one.
func TestHeldReaderWaitsForNobody(t *testing.T) {
	for name, tc := range map[string]struct {
		deadline time.Time
		refuses  bool
	}{
		"no deadline":   {},
		"deadline":      {deadline: time.Now().Add(time.Hour)},
		"group refused": {deadline: time.Now().Add(time.Hour), refuses: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := make([]byte, 16)
			for range 20 { // the timer may come first, and is nothing to a reader
				c, tell, occupy := listenOccupied(t)
				x := dialVIP(t, c, vips[1])
				require.NoError(t, c.SetWriteDeadline(tc.deadline))
				if tc.refuses {
					raw, err := c.SyscallConn()
					require.NoError(t, err)
					require.NoError(t, noCheck("", "", raw))
				}
				requireAhead(t, c, x, 2)
				release := occupy()
				hold(t, c, pathFrom(c, vips[1], x), "held", "too ")
				_, _, err := c.ReadPacket(b)
				require.NoError(t, err)
				write(t, x, "next")
				got := make(chan error, 1)
				go func() {
					_, _, err := c.ReadPacket(b)
					got <- err
				}()
				require.NoError(t, await(t, got))
				release()
				require.Equal(t, "held", read(t, x))
				require.Equal(t, "too ", read(t, x))
				require.Empty(t, tell)
				require.NoError(t, c.Close())
			}
		})
	}
}

// TestHeldCloseWaitsForNobody: Close sends what is held whoever else is writing.
func TestHeldCloseWaitsForNobody(t *testing.T) {
	c, tell, occupy := listenOccupied(t)
	x := dialVIP(t, c, vips[1])
	requireAhead(t, c, x, 2)
	release := occupy()
	hold(t, c, pathFrom(c, vips[1], x), "held")
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	require.Equal(t, "held", read(t, x))
	release()
	require.NoError(t, await(t, closed))
	require.Empty(t, tell)
}
