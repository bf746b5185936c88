package facts_test

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// heldDam returns a Conn with a full send buffer and one write that it holds, and
// no datagram left that was read ahead.
func heldDam(t *testing.T, held string, tell func(dsrudp.Path, error)) (c *dsrudp.Conn, ask func() string, p dsrudp.Path, arrives func()) {
	t.Helper()
	d, c, client, p, release := batchDam(t, dsrudp.ListenConfig{CoalesceWrites: true, OnWriteError: tell})
	_, err := c.WriteToPath([]byte(held), p)
	require.NoError(t, err, "it is held")
	_, _, err = c.ReadFromPath(make([]byte, 2048))
	require.NoError(t, err, "it was read ahead")
	arrives = func() {
		t.Helper()
		release()
		b := make([]byte, 2048)
		for n := 0; string(b[:n]) != held; {
			n, err = client.Read(b)
			require.NoError(t, err)
		}
	}
	return c, func() string { return d.ask(t, client) }, p, arrives
}

// heldReads are the ways to read one datagram.
var heldReads = map[string]func(c *dsrudp.Conn) error{
	"ReadFromPath":        func(c *dsrudp.Conn) error { _, _, err := c.ReadFromPath(make([]byte, 16)); return err },
	"ReadFrom":            func(c *dsrudp.Conn) error { _, _, err := c.ReadFrom(make([]byte, 16)); return err },
	"ReadFromUDPAddrPort": func(c *dsrudp.Conn) error { _, _, err := c.ReadFromUDPAddrPort(make([]byte, 16)); return err },
	"ReadMsgUDP":          func(c *dsrudp.Conn) error { _, _, _, _, err := c.ReadMsgUDP(make([]byte, 16), nil); return err },
}

// K8.4: a read does not wait for room for what is held back, neither by itself
// nor for another who does: its deadline ends it, and a datagram is read
// meanwhile. What is held arrives when there is room.
func TestK8_4_ReadWhileHeld(t *testing.T) {
	for name, read := range heldReads {
		t.Run(name, func(t *testing.T) {
			held := duoPayload("held")
			c, ask, _, arrives := heldDam(t, held, nil)
			deadline := func() {
				t.Helper()
				require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
				errs := make(chan error, 3)
				for range cap(errs) {
					go func() { errs <- read(c) }()
				}
				for range cap(errs) {
					require.ErrorIs(t, awaitFact(t, errs), os.ErrDeadlineExceeded)
				}
			}
			deadline() // nobody waits for room yet
			duoSoon(t, "the held write waits", func() bool { return k8Parked("dsrudp.(*coalescer).expire") == 1 })
			deadline()
			require.NoError(t, c.SetReadDeadline(time.Now().Add(sitePatience)))
			request := ask()
			b := make([]byte, 2048)
			n, _, err := c.ReadFromPath(b)
			require.NoError(t, err)
			require.Equal(t, request, string(b[:n]))
			arrives()
		})
	}
}

// K8.4: OnWriteError may wait for a lock that a reader has: neither that reader
// nor another caller of the Conn waits for OnWriteError.
func TestK8_4_OnWriteErrorLocks(t *testing.T) {
	var mu sync.Mutex
	called, told := make(chan struct{}), make(chan error, 1)
	c, ask, p, _ := heldDam(t, duoPayload("held"), func(_ dsrudp.Path, err error) {
		close(called)
		mu.Lock()
		defer mu.Unlock()
		told <- err
	})
	duoSoon(t, "the held write waits", func() bool { return k8Parked("dsrudp.(*coalescer).expire") == 1 })
	mu.Lock()
	unlock := sync.OnceFunc(mu.Unlock)
	t.Cleanup(unlock)
	require.NoError(t, c.SetWriteDeadline(time.Unix(1, 0)))
	awaitFact(t, called)
	wrote := make(chan error, 1)
	go func() {
		_, err := c.WriteToPath([]byte("late"), p)
		wrote <- err
	}()
	require.ErrorIs(t, awaitFact(t, wrote), os.ErrDeadlineExceeded)
	request, got := ask(), make(chan string, 1)
	go func() {
		b := make([]byte, 2048)
		n, _, _ := c.ReadFrom(b)
		got <- string(b[:n])
	}()
	require.Equal(t, request, awaitFact(t, got))
	require.Empty(t, told)
	unlock()
	require.ErrorIs(t, awaitFact(t, told), os.ErrDeadlineExceeded)
}
