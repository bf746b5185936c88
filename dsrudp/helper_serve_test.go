package dsrudp_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A serving is a Serve in progress.
type serving struct {
	ended chan struct{}
	err   error // when it has ended
}

// serve has s serve conns for the duration of the test, or until they are closed.
func serve(t *testing.T, s *dsrudp.Server, conns ...*dsrudp.Conn) *serving {
	t.Helper()
	v := &serving{ended: make(chan struct{})}
	go func() {
		defer close(v.ended)
		v.err = s.Serve(conns...)
	}()
	t.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
		_ = v.wait(t)
	})
	return v
}

// wait returns what Serve returns.
func (v *serving) wait(t *testing.T) error {
	t.Helper()
	await(t, v.ended)
	return v.err
}

// echoing answers each datagram with itself.
func echoing(t *testing.T) dsrudp.Handler {
	return dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if err := w.WritePacket(p); err != nil {
			t.Errorf("echo to %v: %v", p.Path, err)
		}
	})
}

// enqueue has each client send n requests, which wait in the kernel when it returns.
func enqueue(t *testing.T, n int, clients ...*net.UDPConn) {
	t.Helper()
	for i := range n {
		for _, x := range clients {
			write(t, x, request(x, i))
		}
	}
}

func request(x *net.UDPConn, i int) string { return fmt.Sprintf("request %d to %v", i, x.RemoteAddr()) }

// requireEchoes requires that each client gets its n requests back, in order.
func requireEchoes(t *testing.T, n int, clients ...*net.UDPConn) {
	t.Helper()
	for _, x := range clients {
		for i := range n {
			require.Equal(t, request(x, i), read(t, x))
		}
	}
}

// requireFree requires that nobody has c's port any more.
func requireFree(t *testing.T, c *dsrudp.Conn) {
	t.Helper()
	again, err := net.ListenPacket("udp", c.LocalAddr().String())
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

// soonFree waits until nobody has c's port any more.
func soonFree(t *testing.T, c *dsrudp.Conn) {
	t.Helper()
	soon(t, "the port is free", func() bool {
		again, err := net.ListenPacket("udp", c.LocalAddr().String())
		if err == nil {
			again.Close()
		}
		return err == nil
	})
}
