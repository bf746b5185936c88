package dsrudp_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A stuck Server's handler waits at the first datagram, and echoes all.
type stuck struct {
	*dsrudp.Server
	*serving
	c       *dsrudp.Conn
	x       *net.UDPConn
	calls   int // of the handler
	release chan struct{}
}

// newStuck returns a Server that is in its handler, with a queue of n requests
// of x before it, the first one included.
func newStuck(t *testing.T, batch, n int) *stuck {
	t.Helper()
	s := &stuck{Server: new(dsrudp.Server), c: listen(t, "udp", ":0"), release: make(chan struct{})}
	s.x = dialVIP(t, s.c, netip.IPv6Loopback())
	in := make(chan struct{})
	s.BatchSize = batch
	s.Handler = dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if s.calls++; s.calls == 1 {
			close(in)
			<-s.release
		}
		echoing(t).ServePacket(w, p)
	})
	enqueue(t, n, s.x)
	s.serving = serve(t, s.Server, s.c)
	await(t, in)
	return s
}

// shut calls Shutdown and returns when it has begun, with what it will return.
func (s *stuck) shut(t *testing.T, ctx context.Context) <-chan error {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- s.Shutdown(ctx) }()
	soon(t, "Shutdown begins", func() bool { return errors.Is(s.Serve(nil), dsrudp.ErrServerClosed) })
	return result
}

// TestShutdownDrains: what is queued is answered, more than one batch of it,
// before the Conn is closed.
func TestShutdownDrains(t *testing.T) {
	const n = 70
	for _, batch := range []int{1, 32} {
		s := newStuck(t, batch, n)
		result := s.shut(t, t.Context())
		close(s.release)
		requireEchoes(t, n, s.x)
		require.NoError(t, await(t, result))
		require.Equal(t, dsrudp.ErrServerClosed, s.wait(t))
		require.Equal(t, n, s.calls)
		requireAllClosed(t, s.c, dsrudp.Path{Local: addrPortOf(s.x.RemoteAddr()), Remote: addrPortOf(s.x.LocalAddr())})
		requireFree(t, s.c)
	}
}

// TestShutdownIdle: Conns that wait for datagrams are woken, and a Server that
// was shut down serves no more, but closes what it is given.
func TestShutdownIdle(t *testing.T) {
	a, b := listen(t, "udp", ":0"), listen(t, "udp", ":0")
	s := &dsrudp.Server{Handler: echoing(t)}
	v := serve(t, s, a, b)
	begun(t, dialVIP(t, a, netip.IPv6Loopback()))
	begun(t, dialVIP(t, b, netip.IPv6Loopback()))
	require.NoError(t, s.Shutdown(t.Context()))
	requireFree(t, a)
	requireFree(t, b)
	require.Equal(t, dsrudp.ErrServerClosed, v.wait(t))
	require.NoError(t, s.Shutdown(t.Context()))

	c, d := listen(t, "udp", ":0"), listen(t, "udp", ":0")
	other := serve(t, &dsrudp.Server{Handler: echoing(t)}, d)
	begun(t, dialVIP(t, d, netip.IPv6Loopback()))
	require.Equal(t, dsrudp.ErrServerClosed, s.Serve(nil, c, d))
	requireFree(t, c)
	begun(t, dialVIP(t, d, netip.IPv6Loopback())) // which is another Server's
	require.NoError(t, d.Close())
	require.ErrorIs(t, other.wait(t), net.ErrClosed)
}

// TestShutdownBeforeServe: a Server that never served will not.
func TestShutdownBeforeServe(t *testing.T) {
	s := &dsrudp.Server{Handler: echoing(t)}
	require.NoError(t, s.Shutdown(t.Context()))
	require.Equal(t, dsrudp.ErrServerClosed, s.Serve(listen(t, "udp", ":0")))
}

// TestShutdownGivesUp: when its context ends Shutdown returns although a handler
// is stuck. The Conn is closed when that returns, and the queue is lost.
func TestShutdownGivesUp(t *testing.T) {
	for _, batch := range []int{1, 32} {
		s := newStuck(t, batch, 70)
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
		requireFree(t, s.c)
	}
}

// TestShutdownManyTimes: by many goroutines at once; each returns when all is
// done.
func TestShutdownManyTimes(t *testing.T) {
	s := newStuck(t, 0, 1)
	result := s.shut(t, t.Context())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := s.Shutdown(t.Context()); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			select {
			case <-result:
			case <-s.ended:
			case <-time.After(patience):
				t.Error("Shutdown returned before the handler")
			}
		})
	}
	close(s.release)
	wg.Wait()
	require.Equal(t, dsrudp.ErrServerClosed, s.wait(t))
	requireEchoes(t, 1, s.x)
}

// TestDeadlineAfterShutdown: a deadline set after Shutdown has begun does not let
// the Server wait again, nor after Close.
func TestDeadlineAfterShutdown(t *testing.T) {
	for name, end := range map[string]func(*stuck) <-chan error{
		"Shutdown": func(s *stuck) <-chan error { return s.shut(t, t.Context()) },
		"Close": func(s *stuck) <-chan error {
			result := make(chan error, 1)
			result <- s.c.Close()
			return result
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStuck(t, 0, 1)
			result := end(s)
			for _, set := range []func(time.Time) error{s.c.SetDeadline, s.c.SetReadDeadline, s.c.SetWriteDeadline} {
				require.ErrorIs(t, set(time.Time{}), net.ErrClosed)
			}
			close(s.release)
			require.NoError(t, await(t, result))
			_ = s.wait(t)
		})
	}
}
