package dsrudp_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// ends are the ways to end the serving of one Conn.
var ends = map[string]end{
	"Close":         {func(_ *dsrudp.Server, c *dsrudp.Conn) error { return c.Close() }, net.ErrClosed},
	"read deadline": {func(_ *dsrudp.Server, c *dsrudp.Conn) error { return c.SetReadDeadline(past) }, os.ErrDeadlineExceeded},
	"Shutdown":      {func(s *dsrudp.Server, _ *dsrudp.Conn) error { return s.Shutdown(context.Background()) }, dsrudp.ErrServerClosed},
}

type end struct {
	end  func(s *dsrudp.Server, c *dsrudp.Conn) error
	want error // of Serve
}

// TestPromise9_ServedBusy: they end the serving of a Conn whose queue is never found empty.
// Shutdown serves no more than was queued, and has no deadline here (T20).
func TestPromise9_ServedBusy(t *testing.T) {
	for name, tc := range ends {
		for _, s := range []struct{ batch, concurrency int }{{1, 0}, {2, 0}, {64, 0}, {64, 2}} {
			t.Run(fmt.Sprint(name, s), func(t *testing.T) {
				c := listen(t, "udp", ":0")
				x := dialVIP(t, c, loopback6)
				var calls atomic.Int64
				server := &dsrudp.Server{BatchSize: s.batch, Concurrency: s.concurrency, Handler: dsrudp.HandlerFunc(func(dsrudp.ReplyWriter, *dsrudp.Packet) {
					_, err := x.Write([]byte("next")) // before each call returns
					assert.NoError(t, err)
					calls.Add(1)
				})}
				v := serve(t, server, c)
				enqueue(t, 2*s.batch, x)
				soon(t, "it is busy", func() bool { return calls.Load() > 100 })
				require.NoError(t, tc.end(server, c))
				before := calls.Load()
				require.ErrorIs(t, v.wait(t), tc.want)
				// The receive buffer may have held some hundreds.
				require.Less(t, calls.Load(), before+1000)
			})
		}
	}
}

// TestPromise9_CloseInHandler: Close does not wait for the handler that calls it, or waits
// for a goroutine that does, and from then on every call fails as on any closed Conn. The
// handler's replies still leave; it is not called again, and the Conn is closed when Serve
// returns.
func TestPromise9_CloseInHandler(t *testing.T) {
	for name, closing := range map[string]func(c *dsrudp.Conn) error{
		"by the handler": (*dsrudp.Conn).Close,
		"by a goroutine that the handler waits for": func(c *dsrudp.Conn) error {
			closed := make(chan error)
			go func() { closed <- c.Close() }()
			return <-closed
		},
	} {
		for _, concurrency := range []int{0, 1} {
			c := listen(t, "udp", ":0")
			x := dialVIP(t, c, loopback6)
			enqueue(t, 3, x)
			calls := 0
			v := serve(t, &dsrudp.Server{Concurrency: concurrency, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				calls++
				if calls == 2 {
					assert.NoError(t, closing(c))
					assertAllClosed(t, c, p.Path)
				}
				echoing(t).ServePacket(w, p)
			})}, c)
			requireEchoes(t, 2, x)
			require.Equal(t, fmt.Sprintf("read udp %v: %v", c.LocalAddr(), net.ErrClosed), v.wait(t).Error())
			require.Equal(t, 2, calls, name)
			assertAllClosed(t, c, between(x))
			require.True(t, isFree(c))
		}
	}
}

// assertAllClosed asserts that calls fail as net's do after Close.
func assertAllClosed(t *testing.T, c *dsrudp.Conn, p dsrudp.Path) {
	t.Helper()
	for name, read := range readers {
		assertOp(t, "read", read(c), net.ErrClosed, name)
	}
	for name, write := range writers {
		assertOp(t, "write", write(c, []byte("closed"), p), net.ErrClosed, name)
	}
	assertOp(t, "set", c.SetDeadline(time.Time{}), net.ErrClosed)
	assertOp(t, "set", c.SetReadDeadline(time.Now().Add(time.Hour)), net.ErrClosed)
	assertOp(t, "set", c.SetWriteDeadline(time.Time{}), net.ErrClosed)
	assertOp(t, "close", c.Close(), net.ErrClosed)
}

// A stuck Server's handler waits at the first datagram, and echoes all.
type stuck struct {
	*dsrudp.Server
	*serving
	c       *dsrudp.Conn
	x       *net.UDPConn
	calls   int // of the handler
	release chan struct{}
}

// newStuck has a Server serve c and wait in its handler, with a queue of n requests of x
// before it, the first one included.
func newStuck(t *testing.T, server *dsrudp.Server, c *dsrudp.Conn, x *net.UDPConn, n int) *stuck {
	t.Helper()
	s := &stuck{Server: server, c: c, x: x, release: make(chan struct{})}
	in := make(chan struct{})
	s.Handler = dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if s.calls++; s.calls == 1 {
			close(in)
			<-s.release
		}
		echoing(t).ServePacket(w, p)
	})
	enqueue(t, n, x)
	s.serving = serve(t, s.Server, c)
	await(t, in)
	return s
}

// listenStuck is newStuck with a Conn and a client of its own.
func listenStuck(t *testing.T, server *dsrudp.Server, n int) *stuck {
	t.Helper()
	c := listen(t, "udp", ":0")
	return newStuck(t, server, c, dialVIP(t, c, loopback6), n)
}

// stuckServers returns Servers that serve one datagram after the other.
func stuckServers() []*dsrudp.Server {
	return []*dsrudp.Server{{BatchSize: 1}, {}, {Concurrency: 1}}
}

// A seen context sends an event when somebody is about to wait for its end.
type seen struct {
	context.Context
	waits chan struct{}
}

func (s seen) Done() <-chan struct{} {
	s.waits <- struct{}{}
	return s.Context.Done()
}

// shut calls Shutdown and returns when it waits, with what it will return.
func (s *stuck) shut(t *testing.T, ctx context.Context) <-chan error {
	t.Helper()
	result := make(chan error, 1)
	waits := make(chan struct{}, 2)
	go func() { result <- s.Shutdown(seen{ctx, waits}) }()
	await(t, waits)
	return result
}

// TestShutdownDrains: what is queued is answered, more than one batch of it, before the
// Conn is closed and the calls of Shutdown return. A deadline that is set meanwhile does not
// have the reader wait again.
func TestShutdownDrains(t *testing.T) {
	const n = 150
	for _, server := range stuckServers() {
		s := listenStuck(t, server, n)
		results := []<-chan error{s.shut(t, t.Context()), s.shut(t, t.Context())}
		for _, set := range []func(time.Time) error{s.c.SetDeadline, s.c.SetReadDeadline, s.c.SetWriteDeadline} {
			require.ErrorIs(t, set(time.Time{}), net.ErrClosed)
		}
		for _, result := range results {
			require.Empty(t, result)
		}
		close(s.release)
		for _, result := range results {
			require.NoError(t, await(t, result))
		}
		requireEchoes(t, n, s.x)
		require.Equal(t, dsrudp.ErrServerClosed, s.wait(t))
		require.Equal(t, n, s.calls)
		assertAllClosed(t, s.c, between(s.x))
		require.True(t, isFree(s.c))
	}
}

// TestShutdownIdle: the readers of idle Conns end, of several calls of Serve at once. A
// Server that was shut down, though it never served, serves no more but closes the Conns that
// it is given, and not those that another Server reads.
func TestShutdownIdle(t *testing.T) {
	a, b, c, d := listen(t, "udp", ":0"), listen(t, "udp", ":0"), listen(t, "udp", ":0"), listen(t, "udp", ":0")
	s := &dsrudp.Server{Handler: echoing(t)}
	v, w := serve(t, s, a), serve(t, s, b)
	begun(t, dialVIP(t, a, loopback6), dialVIP(t, b, loopback6))
	for range 2 {
		require.NoError(t, s.Shutdown(t.Context()))
		require.True(t, isFree(a))
		require.True(t, isFree(b))
	}
	require.Equal(t, dsrudp.ErrServerClosed, v.wait(t))
	require.Equal(t, dsrudp.ErrServerClosed, w.wait(t))

	x := dialVIP(t, d, loopback6)
	serve(t, &dsrudp.Server{Handler: echoing(t)}, d)
	begun(t, x)
	never := &dsrudp.Server{Handler: echoing(t)}
	require.NoError(t, never.Shutdown(t.Context()))
	require.Equal(t, dsrudp.ErrServerClosed, never.Serve(nil, c, d))
	require.True(t, isFree(c))
	begun(t, x)
}

// TestShutdownGivesUp: when its context ends Shutdown returns although a handler is stuck.
// The Conn is closed when that returns, and the queue is lost.
func TestShutdownGivesUp(t *testing.T) {
	for _, server := range stuckServers() {
		s := listenStuck(t, server, 70)
		ctx, cancel := context.WithCancel(t.Context())
		result := s.shut(t, ctx)
		cancel()
		require.ErrorIs(t, await(t, result), context.Canceled)
		select {
		case <-s.ended:
			require.Fail(t, "Serve returned while a handler runs")
		default:
		}
		close(s.release)
		requireEchoes(t, 1, s.x)
		require.Equal(t, dsrudp.ErrServerClosed, s.wait(t))
		require.Equal(t, 1, s.calls)
		require.NoError(t, s.Shutdown(t.Context()))
		require.True(t, isFree(s.c))
	}
}

// TestPromise7_Goexit: a handler that ends its goroutine ends the serving of that Conn, and
// Serve says so. What was written before is sent, and another Conn is served on.
func TestPromise7_Goexit(t *testing.T) {
	a, b := listen(t, "udp", ":0"), listen(t, "udp", ":0")
	x, y := dialVIP(t, a, loopback6), dialVIP(t, b, loopback6)
	enqueue(t, 3, x)
	calls := 0
	v := serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		echoing(t).ServePacket(w, p)
		if w.Conn() == a {
			if calls++; calls == 2 {
				runtime.Goexit()
			}
		}
	})}, a, b)
	requireEchoes(t, 2, x)
	soon(t, "it is closed", func() bool { return isFree(a) })
	require.Zero(t, a.Stats().Panics)
	s := a.Stats()
	require.Equal(t, [...]uint64{2, 2, s.SentBytes}, [...]uint64{s.Received, s.Sent, s.ReceivedBytes})
	begun(t, y)
	require.NoError(t, b.Close())
	err := v.wait(t)
	require.ErrorContains(t, err, "Goexit")
	require.ErrorIs(t, err, net.ErrClosed)
	require.Equal(t, 2, calls)
}

// TestShutdownOfTwo: Shutdown waits for the Conns of all calls of Serve, of which one has
// returned already.
func TestShutdownOfTwo(t *testing.T) {
	const n = 3
	s := listenStuck(t, &dsrudp.Server{}, n)
	idle := listen(t, "udp", ":0")
	v := serve(t, s.Server, idle)
	begun(t, dialVIP(t, idle, loopback6))
	result := s.shut(t, t.Context())
	require.Equal(t, dsrudp.ErrServerClosed, v.wait(t))
	require.Never(t, func() bool { return len(result) > 0 }, 50*time.Millisecond, time.Millisecond)
	close(s.release)
	require.NoError(t, await(t, result))
	requireEchoes(t, n, s.x)
}
