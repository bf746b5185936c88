//go:build linux

package load_test

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
)

// An answer sends b back to addr.
type answer func(c *net.UDPConn, b []byte, addr netip.AddrPort)

func echo(c *net.UDPConn, b []byte, addr netip.AddrPort) { c.WriteToUDPAddrPort(b, addr) }

// serve answers datagrams on an address of the loopback network, and returns
// the port.
func serve(t *testing.T, ip net.IP, a answer) int {
	// The generator takes a processor from the runtime without saying so.
	n := runtime.GOMAXPROCS(4)
	t.Cleanup(func() { runtime.GOMAXPROCS(n) })
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip})
	require.NoError(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() { c.Close(); <-ended })
	go func() {
		defer close(ended)
		b := make([]byte, 1<<16)
		for {
			n, addr, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			a(c, b[:n], addr)
		}
	}()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// window is a short one.
func window(port int) load.Load {
	return load.Load{
		PID: os.Getpid(), Port: port, VIPs: 1, Size: 64, Window: 16,
		Prime: 100, Warm: time.Millisecond, Measure: 5 * time.Millisecond,
	}
}

// run measures until something was answered in the window, and nothing too late: on a
// machine that is busy with other things that may take a longer one, and several. All is
// of every try.
func run(t *testing.T, l load.Load) load.Result {
	var g load.Generator
	defer g.Close()
	var all load.Tally
	for range 50 {
		r, err := g.Run(l)
		require.NoError(t, err)
		require.GreaterOrEqual(t, r.All.Replies, l.Prime)
		all.Add(r.All)
		switch {
		case r.Replies < 64 && l.Measure < 5*time.Second:
			l.Measure *= 2
		case r.Lost == 0:
			r.All = all
			return r
		}
	}
	require.Fail(t, "replies were lost each time")
	return load.Result{}
}

// vip is the only one when there is one.
var vip = net.IPv4(127, 1, 0, 1)

func TestRightSource(t *testing.T) {
	port := serve(t, vip, echo)
	for _, latency := range []bool{false, true} {
		l := window(port)
		l.Latency = latency
		r := run(t, l)
		require.Positive(t, r.Replies)
		require.Positive(t, r.CPU)
		require.Equal(t, latency, r.P50 > 0)
		require.Zero(t, r.WrongSource)
		require.Zero(t, r.WrongPayload)
	}
}

// The check must see what net does wrong.
func TestWrongSource(t *testing.T) {
	port := serve(t, net.IPv4zero, echo)
	for _, latency := range []bool{false, true} {
		l := window(port)
		l.VIPs, l.Latency = 8, latency
		r := run(t, l)
		require.Positive(t, r.Replies)
		require.Equal(t, r.Replies, r.WrongSource)
	}
}

// One wrong source among many right ones is seen.
func TestOneWrongSource(t *testing.T) {
	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 1, 0, 2)})
	require.NoError(t, err)
	defer other.Close()
	n := 0
	r := run(t, window(serve(t, vip, func(c *net.UDPConn, b []byte, addr netip.AddrPort) {
		if n++; n%8 == 0 {
			c = other
		}
		echo(c, b, addr)
	})))
	require.Positive(t, r.WrongSource)
	require.Less(t, r.WrongSource, r.Replies/2)
}

// What comes while nothing counts yet is judged all the same.
func TestWrongSourceWhileWarmingUp(t *testing.T) {
	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 1, 0, 2)})
	require.NoError(t, err)
	defer other.Close()
	for _, latency := range []bool{false, true} {
		n := 0
		l := window(serve(t, vip, func(c *net.UDPConn, b []byte, addr netip.AddrPort) {
			switch n++; {
			case n <= 20:
				c = other
			case n <= 50:
				b[0]++
			}
			echo(c, b, addr)
		}))
		l.Latency = latency
		r := run(t, l)
		require.Zero(t, r.WrongSource+r.WrongPayload)
		require.Equal(t, 20, r.All.WrongSource)
		require.Equal(t, 30, r.All.WrongPayload)
	}
}

// What comes when nothing counts any more is, too.
func TestEveryReplyIsSeen(t *testing.T) {
	var n atomic.Int64
	l := window(serve(t, net.IPv4zero, func(c *net.UDPConn, b []byte, addr netip.AddrPort) {
		n.Add(1)
		echo(c, b, addr)
	}))
	l.VIPs = 8
	var g load.Generator
	defer g.Close()
	var all load.Tally
	for range 3 {
		r, err := g.Run(l)
		require.NoError(t, err)
		require.Less(t, r.Replies, r.All.Replies)
		all.Add(r.All)
		require.EqualValues(t, n.Load(), all.Replies)
		require.Equal(t, all.Replies, all.WrongSource)
	}
}

func TestWrongPayload(t *testing.T) {
	r := run(t, window(serve(t, vip, func(c *net.UDPConn, b []byte, addr netip.AddrPort) {
		b[0]++
		echo(c, b, addr)
	})))
	require.Positive(t, r.Replies)
	require.Equal(t, r.Replies, r.WrongPayload)
}

// What is not answered is not waited for for ever.
func TestLost(t *testing.T) {
	n := 0
	l := window(serve(t, vip, func(c *net.UDPConn, b []byte, addr netip.AddrPort) {
		if n++; n > 150 {
			return
		}
		echo(c, b, addr)
	}))
	l.Measure = 100 * time.Millisecond
	var g load.Generator
	defer g.Close()
	r, err := g.Run(l)
	require.NoError(t, err)
	require.Positive(t, r.Lost)
}

// Clients keep their addresses from one window to the next.
func TestClients(t *testing.T) {
	var seen sync.Map
	l := window(serve(t, vip, func(c *net.UDPConn, b []byte, addr netip.AddrPort) {
		seen.Store(addr, nil)
		echo(c, b, addr)
	}))
	l.Clients, l.Prime = 100, 200
	var g load.Generator
	defer g.Close()
	for range 2 {
		r, err := g.Run(l)
		require.NoError(t, err)
		require.Zero(t, r.WrongSource)
	}
	n := 0
	seen.Range(func(any, any) bool { n++; return true })
	require.Equal(t, 100, n)
}

func TestTrains(t *testing.T) {
	l := window(serve(t, vip, echo))
	l.Train = 8
	r := run(t, l)
	require.Positive(t, r.Replies)
	require.Zero(t, r.WrongSource+r.WrongPayload)
}

func TestSilentServer(t *testing.T) {
	l := window(serve(t, vip, func(*net.UDPConn, []byte, netip.AddrPort) {}))
	for _, latency := range []bool{false, true} {
		l.Latency = latency
		var g load.Generator
		defer g.Close()
		_, err := g.Run(l)
		require.ErrorContains(t, err, "answered 0 datagrams and then none for 1s")
	}
}

func TestNoServer(t *testing.T) {
	var g load.Generator
	_, err := g.Run(load.Load{PID: 1 << 22, Size: 64})
	require.ErrorContains(t, err, "CPU time of the server")
}
