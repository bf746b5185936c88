package dsrudp_test

import (
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// past is a deadline that is over.
var past = time.Unix(1, 0)

// await waits for an event.
func await[T any](t *testing.T, events <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-events:
	case <-time.After(2 * patience):
		t.Fatal("what was waited for did not happen")
	}
	return v
}

// soon waits for what sends no event.
func soon(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !happened(); runtime.Gosched() {
		require.True(t, time.Now().Before(end), what)
	}
}

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

// begun waits until a Server serves: it has answered each client.
func begun(t *testing.T, clients ...*net.UDPConn) {
	t.Helper()
	enqueue(t, 1, clients...)
	requireEchoes(t, 1, clients...)
}

// between returns the path of x's requests.
func between(x *net.UDPConn) dsrudp.Path {
	return dsrudp.Path{Local: addrPortOf(x.RemoteAddr()), Remote: addrPortOf(x.LocalAddr())}
}

// isFree reports whether no socket has c's port any more.
func isFree(c *dsrudp.Conn) bool {
	again, err := net.ListenPacket("udp", c.LocalAddr().String())
	if err == nil {
		again.Close()
	}
	return err == nil
}

// A failure is what OnError was called with.
type failure struct {
	path dsrudp.Path
	err  error
}

// collecting returns an OnError and what it was called with.
func collecting() (func(dsrudp.Path, error), chan failure) {
	all := make(chan failure, 1024)
	return func(p dsrudp.Path, err error) { all <- failure{p, err} }, all
}

// requireWriteError asserts, for handlers too, that err has the shape that net gives it.
func requireWriteError(t *testing.T, err, is error, remote fmt.Stringer) {
	t.Helper()
	assert.ErrorIs(t, err, is)
	var op *net.OpError
	if assert.ErrorAs(t, err, &op) {
		assert.Equal(t, "write", op.Op)
		assert.Equal(t, remote.String(), op.Addr.String())
	}
}
