package dsrudp

import (
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// begun returns the readers of a Server for n Conns, and where they can be reached.
func begun(t *testing.T, s *Server, n int) (readers []*serverReader, at []netip.AddrPort) {
	t.Helper()
	var conns []*Conn
	for range n {
		c, err := ListenPacket("udp4", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		conns = append(conns, c)
		at = append(at, netip.MustParseAddrPort(c.LocalAddr().String()))
	}
	readers, err := s.begin(conns)
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, r := range readers {
			s.end(r) // also those that never ran
		}
	})
	return readers, at
}

// running has readers run, and closes their Conns in the end.
func running(t *testing.T, s *Server, readers ...*serverReader) {
	t.Helper()
	ended := make(chan error, len(readers))
	for _, r := range readers {
		go func() {
			defer s.end(r)
			ended <- r.run()
		}()
	}
	t.Cleanup(func() {
		for _, r := range readers {
			r.c.Close()
		}
		for range readers {
			<-ended
		}
	})
}

// TestPollerWatch: a reader that is busy finds out that another one was overlooked, in turn,
// and one that is not busy does not ask.
func TestPollerWatch(t *testing.T) {
	served := make(chan struct{}, 1)
	s := &Server{Handler: HandlerFunc(func(ReplyWriter, *Packet) { served <- struct{}{} })}
	readers, at := begun(t, s, 3)
	asking, other := readers[1], readers[0]
	running(t, s, other)
	var wakes atomic.Int64
	counted(asking, &wakes)

	write := func() {
		_, err := asking.c.WriteToUDPAddrPort([]byte("1"), at[0])
		require.NoError(t, err)
	}
	w, streak := &asking.watch, uint(0)
	look := func(n uint) bool {
		streak += n
		return w.look(streak, asking.in.batch)
	}
	// On one processor the other goes on when the test lets it: until it is
	// overlooked, which the runtime's monitor may still prevent.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	both := func(n uint) (found bool) { // have been looked after then
		found = look(n)
		return look(n) || found
	}
	found := false
	for range 1000 {
		before := wakes.Load()
		write()
		<-served // and it goes on until it waits
		require.False(t, both(busyStreak), "there is nothing to overlook")
		write()
		for range 4 {
			streak = 0 // it waits, and has as much to do again
			for range busyStreak - 1 {
				require.False(t, look(1), "it is not busy")
			}
		}
		found = both(busyStreak)
		<-served
		if found {
			soonIs(t, &wakes, before+1)
			break
		}
		require.Equal(t, before, wakes.Load())
	}
	require.True(t, found)
}

// TestPollerWatchLook: a reader looks each time it was busy, since it looked or since it waited.
func TestPollerWatchLook(t *testing.T) {
	readers, _ := begun(t, &Server{Handler: HandlerFunc(func(ReplyWriter, *Packet) {})}, 3)
	w := &readers[0].watch
	for i, tc := range []struct {
		streak uint
		looks  bool
	}{
		{busyStreak - 1, false},
		{busyStreak, true},
		{busyStreak + 5, false},
		{busyStreak, true}, // it has waited
		{busyStreak + 5, false},
		{busyStreak, true}, // and again
		{2*busyStreak - 1, false},
		{2 * busyStreak, true},
		{4 * busyStreak, true},
		{1, false},
		{busyStreak, true},
	} {
		before := w.last
		require.False(t, w.look(tc.streak, readers[0].in.batch), "nobody is overlooked")
		require.Equal(t, tc.looks, w.last != before, "%d: a streak of %d", i, tc.streak)
	}
}

// counted counts in n how often r has the poller looked at.
func counted(r *serverReader, n *atomic.Int64) {
	run := r.watch.run
	r.watch.run = func() {
		n.Add(1)
		run()
	}
}

func soonIs(t *testing.T, n *atomic.Int64, want int64) {
	t.Helper()
	until(t, "the count is right", func() bool { return n.Load() == want })
}

func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !happened(); runtime.Gosched() {
		require.True(t, time.Now().Before(end), what)
	}
}

// TestPollerWatchServed: a reader whose queue does not run empty has a thread woken for another
// one that has a datagram.
func TestPollerWatchServed(t *testing.T) {
	const enough = 20 * busyStreak
	for _, batch := range []int{1, 8, 32} {
		var left atomic.Int64
		served := make(chan struct{}, 1)
		var clients []*net.UDPConn
		send := func(to int) {
			_, err := clients[to].Write([]byte{byte(to)})
			assert.NoError(t, err)
		}
		s := &Server{BatchSize: batch, Handler: HandlerFunc(func(_ ReplyWriter, p *Packet) {
			if p.Buf[0] == 1 {
				served <- struct{}{}
				return
			}
			switch n := left.Add(-1); {
			case n == enough/2:
				send(1)
				fallthrough
			case n >= 0:
				send(0)
			case n == -int64(2*batch):
				served <- struct{}{}
			}
		})}
		readers, at := begun(t, s, 2)
		for _, a := range at {
			x, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(a))
			require.NoError(t, err)
			t.Cleanup(func() { x.Close() })
			clients = append(clients, x)
		}
		var wakes atomic.Int64
		counted(readers[0], &wakes)
		running(t, s, readers...)
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // as in TestPollerWatch
			for range 100 {
				left.Store(enough)
				for range 2 * batch {
					send(0)
				}
				<-served
				<-served
				if wakes.Load() > 0 {
					break
				}
			}
		}()
		require.NotZero(t, wakes.Load(), batch)
	}
}

// TestHail: while a goroutine for the poller has not run yet there is no second one.
func TestHail(t *testing.T) {
	readers, _ := begun(t, &Server{Handler: HandlerFunc(func(ReplyWriter, *Packet) {})}, 2)
	var wakes atomic.Int64
	w := &readers[0].watch
	counted(readers[0], &wakes)
	run, held := w.run, make(chan struct{})
	w.run = func() {
		<-held
		run()
	}
	for range 3 {
		before := runtime.NumGoroutine()
		for range 10 {
			w.wakeThread()
		}
		require.LessOrEqual(t, runtime.NumGoroutine(), before+1)
		want := wakes.Load() + 1
		held <- struct{}{}
		soonIs(t, &wakes, want)
		until(t, "it has run", func() bool { return !w.started.Load() })
	}
	w.run = run
	require.Less(t, testing.AllocsPerRun(100, w.wakeThread), 1.0)
}

// TestReaderLetGo: a reader that has ended is not kept by those it was served with.
func TestReaderLetGo(t *testing.T) {
	s := &Server{Handler: HandlerFunc(func(ReplyWriter, *Packet) {})}
	var conns []*Conn
	for range 3 {
		c, err := ListenPacket("udp4", "127.0.0.1:0")
		require.NoError(t, err)
		conns = append(conns, c)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(conns...) }()
	var all []weak.Pointer[serverReader]
	until(t, "it serves", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for r := range s.readers {
			all = append(all, weak.Make(r))
		}
		return len(all) > 0
	})
	require.NoError(t, conns[0].Close())
	require.NoError(t, conns[1].Close())
	conns[0], conns[1] = nil, nil
	alive := func() (n int) {
		runtime.GC()
		for _, p := range all {
			if p.Value() != nil {
				n++
			}
		}
		return n
	}
	until(t, "two are gone", func() bool { return alive() <= 1 })
	require.Equal(t, 1, alive())
	require.NoError(t, conns[2].Close())
	require.Error(t, <-ended)
}
