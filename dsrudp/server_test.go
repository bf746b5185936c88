package dsrudp_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
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

// begun waits until a Server serves: it has answered each client.
func begun(t *testing.T, clients ...*net.UDPConn) {
	t.Helper()
	enqueue(t, 1, clients...)
	requireEchoes(t, 1, clients...)
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

// assertWriteError asserts that err is one of a write to remote.
func assertWriteError(t *testing.T, err, is error, remote fmt.Stringer) {
	t.Helper()
	if op := assertOp(t, "write", err, is); op != nil {
		assert.Equal(t, remote.String(), op.Addr.String())
	}
}

// TestPromise4_Server: one client port asks two VIPs, and another client an IPv6 address.
// All requests wait in the kernel before the first is answered, more than one batch of
// them, and each reply comes from the address that was asked, in order.
func TestPromise4_Server(t *testing.T) {
	const n = 50
	for _, at := range endpoints {
		for _, tc := range []struct {
			batchSize, concurrency int // one handler at a time keeps the order
			write                  func(w dsrudp.ReplyWriter, p *dsrudp.Packet) error
		}{
			{0, 0, writing},
			{0, 0, dsrudp.ReplyWriter.WritePacket},
			{1, 0, writing},
			{2, 1, dsrudp.ReplyWriter.WritePacket},
			{31, 0, writing},
			{64, 0, dsrudp.ReplyWriter.WritePacket},
			{64, 1, writing},
		} {
			t.Run(fmt.Sprint(at, tc.batchSize, tc.concurrency), func(t *testing.T) {
				c := listenAt(t, at)
				clients := dialAll(t, c, at.asked)
				enqueue(t, n, clients...)
				serve(t, &dsrudp.Server{BatchSize: tc.batchSize, Concurrency: tc.concurrency, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
					assert.True(t, strings.HasSuffix(string(p.Payload()), " "+p.Path.Local.String()), p.Path)
					assert.NoError(t, tc.write(w, p))
				})}, c)
				requireEchoes(t, n, clients...)
				stats := faults(c)
				stats.AmbiguousPath = 0
				require.Zero(t, stats)
			})
		}
	}
}

// writing answers p by Write.
func writing(w dsrudp.ReplyWriter, p *dsrudp.Packet) error {
	_, err := w.Write(p.Payload())
	return err
}

// TestPromise7_ServerConns: a handler that waits does not stop the Server's other Conns.
func TestPromise7_ServerConns(t *testing.T) {
	a, b := listen(t, "udp", ":0"), listen(t, "udp", ":0")
	x, y := dialVIP(t, a, loopback6), dialVIP(t, b, loopback6)
	inA, release := make(chan struct{}), make(chan struct{})
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if w.Conn() == a {
			inA <- struct{}{}
			<-release
		}
		echoing(t).ServePacket(w, p)
	})}, a, b)
	enqueue(t, 1, x)
	await(t, inA)
	begun(t, y)
	close(release)
	requireEchoes(t, 1, x)
}

// TestServeRefuses: Serve says why it cannot begin, and leaves all Conns alone.
func TestServeRefuses(t *testing.T) {
	echo := echoing(t)
	closed := listen(t, "udp", ":0")
	require.NoError(t, closed.Close())
	served := listen(t, "udp", ":0")
	serve(t, &dsrudp.Server{Handler: echo}, served)
	y := dialVIP(t, served, loopback6)
	begun(t, y)
	good := listen(t, "udp", ":0")
	x := dialVIP(t, good, loopback6)
	for name, tc := range map[string]struct {
		s     *dsrudp.Server
		conns []*dsrudp.Conn
		is    error
		says  string
	}{
		"no Handler":       {&dsrudp.Server{}, []*dsrudp.Conn{good}, nil, "no Handler"},
		"nil HandlerFunc":  {&dsrudp.Server{Handler: dsrudp.HandlerFunc(nil)}, []*dsrudp.Conn{good}, nil, "no Handler"},
		"Concurrency -1":   {&dsrudp.Server{Handler: echo, Concurrency: -1}, []*dsrudp.Conn{good}, nil, "Concurrency is -1"},
		"BatchSize -1":     {&dsrudp.Server{Handler: echo, BatchSize: -1}, []*dsrudp.Conn{good}, nil, "BatchSize is -1"},
		"BatchSize 65":     {&dsrudp.Server{Handler: echo, BatchSize: 65}, []*dsrudp.Conn{good}, nil, "BatchSize is 65"},
		"no Conn":          {&dsrudp.Server{Handler: echo}, nil, nil, "without a Conn"},
		"nil Conn":         {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, nil}, syscall.EINVAL, "index 1"},
		"zero Conn":        {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, {}}, syscall.EINVAL, ""},
		"closed Conn":      {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, closed}, net.ErrClosed, "index 1"},
		"served elsewhere": {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, served}, dsrudp.ErrNotSupported, "a Server reads this Conn"},
		"named twice":      {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, good}, dsrudp.ErrNotSupported, "a Server reads this Conn"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.s.Serve(tc.conns...)
			require.ErrorContains(t, err, tc.says)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
			write(t, x, "untouched")
			n, p, err := good.ReadFromPath(make([]byte, 16))
			require.NoError(t, err)
			_, err = good.WriteToPath([]byte("untouched")[:n], p)
			require.NoError(t, err)
			require.Equal(t, "untouched", read(t, x))
		})
	}
	begun(t, y)
}

// TestServedReads: reads beside a Server, by its handler or others, are refused at once:
// they do not wait for the Server's own read to end, and take nothing from it. Whatever
// else can be done with the socket works.
func TestServedReads(t *testing.T) {
	reads := maps.Clone(readers)
	reads["Read(nil)"] = func(c *dsrudp.Conn) error { _, err := c.Read(nil); return err }
	reads["ReadFrom(nil)"] = func(c *dsrudp.Conn) error { _, _, err := c.ReadFrom(nil); return err }
	c := listenWith(t, &dsrudp.ListenConfig{RawIO: true}, "udp", ":0")
	x := dialVIP(t, c, loopback6)
	try := func() {
		for name, read := range reads {
			assertOp(t, "read", read(c), dsrudp.ErrNotSupported, name)
		}
		raw, err := c.SyscallConn()
		assert.NoError(t, err)
		assertOp(t, "raw-read", raw.Read(func(uintptr) bool { return true }), dsrudp.ErrNotSupported)
		calls := 0
		assert.NoError(t, raw.Control(func(uintptr) { calls++ }))
		assert.NoError(t, raw.Write(func(uintptr) bool { calls++; return true }))
		assert.Equal(t, 2, calls)
	}
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		try()
		echoing(t).ServePacket(w, p)
	})}, c)
	begun(t, x)
	try()
	begun(t, x)
}

// TestT43_Concurrency: handlers that wait are in progress as many at a time as Concurrency
// says, over all Conns, and no more. Each has a copy of its datagram, and its reply leaves at
// once, while it goes on. One that panics, or ends its goroutine, gives its place back.
func TestT43_Concurrency(t *testing.T) {
	const places, rounds = 3, 10
	a, b := listen(t, "udp", ":0"), listen(t, "udp", ":0")
	clients := []*net.UDPConn{dialVIP(t, a, vips[0]), dialVIP(t, b, vips[1])}
	calls, release := make(chan dsrudp.Path, 2*places), make(chan func(), 2*places)
	var inProgress atomic.Int64
	serve(t, &dsrudp.Server{Concurrency: places, BatchSize: 1, ErrorLog: slog.New(slog.DiscardHandler), Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		assert.LessOrEqual(t, inProgress.Add(1), int64(places))
		defer inProgress.Add(-1)
		payload := string(p.Payload())
		assert.True(t, strings.HasSuffix(payload, " "+p.Path.Local.String()), p.Path)
		echoing(t).ServePacket(w, p)
		calls <- p.Path
		end := <-release
		assert.Equal(t, payload, string(p.Payload()), "it was overwritten")
		end()
	})}, a, b)
	endings := []func(){func() {}, func() { panic("as it should") }, runtime.Goexit}
	for range rounds {
		enqueue(t, places, clients...)
		asked := make(map[dsrudp.Path]int)
		answered := func(p dsrudp.Path) { // already
			asked[p]++
			for _, x := range clients {
				if p == between(x) {
					require.Contains(t, read(t, x), "request")
				}
			}
		}
		for range places {
			answered(await(t, calls))
		}
		require.Empty(t, calls, "more at a time")
		for i := range 2 * places {
			release <- endings[i%len(endings)]
		}
		for range places {
			answered(await(t, calls))
		}
		require.Equal(t, map[dsrudp.Path]int{between(clients[0]): places, between(clients[1]): places}, asked)
	}
	soon(t, "each panic is counted", func() bool { return a.Stats().Panics+b.Stats().Panics == 2*rounds })
}
