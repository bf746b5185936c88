//go:build !dsrudp_portable

package mmsg_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// TestBlockingDescription: no receive trusts O_NONBLOCK, which Fd on a duplicate
// clears for all duplicates. A raw call that waited would keep its processor, the
// garbage collector would wait for it, and all else for the garbage collector: so
// this happens in a process of its own.
func TestBlockingDescription(t *testing.T) {
	for name, receive := range map[string]func(s *mmsg.Socket) error{
		"Recv": func(s *mmsg.Socket) error {
			_, err := recvOne(s, mmsg.NewMsg(), make([]byte, 8), nil)
			return err
		},
		"Batch.Recv": func(s *mmsg.Socket) error {
			_, err := blockingBatch(s).Recv(2, 0)
			return err
		},
		"Batch.Loop": func(s *mmsg.Socket) error {
			return blockingBatch(s).Loop(func(int) bool { return false })
		},
	} {
		t.Run(name, func(t *testing.T) { testBlocking(t, receive) })
	}
}

func blockingBatch(s *mmsg.Socket) *mmsg.InBatch {
	b := s.NewInBatch(2, 0)
	for i := range 2 {
		b.SetBuffer(i, make([]byte, 8))
	}
	return b
}

func testBlocking(t *testing.T, receive func(s *mmsg.Socket) error) {
	const child = "MMSG_TEST_BLOCKING"
	if os.Getenv(child) == "" {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+strings.Replace(t.Name(), "/", "$/^", 1)+"$")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, ctx.Err(), "the garbage collector waits for a reader of an idle socket")
		require.NoError(t, err, "%s", out)
		return
	}
	s, c := socket(t, "udp4", "127.0.0.1:0", false)
	f, err := c.File()
	require.NoError(t, err)
	defer f.Close()
	f.Fd()

	reading, done := make(chan struct{}), make(chan error)
	go func() {
		close(reading)
		done <- receive(s)
	}()
	<-reading
	for range 100 { // the reader may not be in its call yet at the first of these
		runtime.GC()
	}
	_, err = c.WriteToUDPAddrPort([]byte("1"), c.LocalAddr().(*net.UDPAddr).AddrPort())
	require.NoError(t, err)
	require.NoError(t, <-done)
}
