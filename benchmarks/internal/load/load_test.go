//go:build linux

package load

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
)

func TestCount(t *testing.T) {
	for _, vip := range [][]byte{{127, 1, 0, 3}, {0xfd, 0, 0, 0xd5, 15: 7}} {
		b := make([]byte, 64)
		putHeader(b, vip, 42)
		counted := func(b, addr []byte, port uint16) (t Tally) {
			t.count(b, addr, port, 9000)
			return t
		}
		require.Equal(t, Tally{Replies: 1}, counted(b, vip, 9000))
		require.Equal(t, Tally{Replies: 1, WrongSource: 1}, counted(b, vip, 9001), "the port")
		other := append([]byte(nil), vip...)
		other[len(other)-1]++
		require.Equal(t, Tally{Replies: 1, WrongSource: 1}, counted(b, other, 9000), "the address")
		require.Equal(t, Tally{Replies: 1, WrongPayload: 1}, counted(b[:HeaderLen-1], vip, 9000), "truncated")
		b[0]++
		require.Equal(t, Tally{Replies: 1, WrongPayload: 1}, counted(b, vip, 9000), "changed")
	}
}

// destinations returns how often the generator writes to each VIP in n messages.
func destinations(t *testing.T, g *Generator, l Load, n int) map[string]int {
	require.NoError(t, l.validate())
	g.prepare(l)
	seen := make(map[string]int)
	for range n / maxBatch {
		g.fill(maxBatch)
		for i := range maxBatch {
			seen[string(g.sent.names[i][4:8])]++
		}
	}
	return seen
}

func TestFlows(t *testing.T) {
	g := new(Generator)
	eights := Load{VIPs: 8, Size: 64, Window: 64, Flow: 8}
	for vip, n := range destinations(t, g, eights, 512) {
		require.Equal(t, 64, n, "%x", vip)
	}
	g.fill(5) // leaves a flow unfinished, which is not to become the next load's
	require.NoError(t, eights.validate())
	g.prepare(eights)
	for free, want := range map[int]int{64: 64, 63: 56, 40: 40, 8: 8, 5: 5} {
		require.Equal(t, want, g.sends(free), "no flow is split, if it can be avoided")
	}
	g.fill(16)
	for i := range 8 {
		require.Equal(t, g.sent.names[0], g.sent.names[i], "8 in a row")
		require.Equal(t, g.sent.names[8], g.sent.names[8+i], "8 in a row")
	}
	require.NotEqual(t, g.sent.names[7], g.sent.names[8])

	require.Len(t, destinations(t, g, Load{VIPs: 64, Size: 64, Window: 64}, 64), 64)
	require.Len(t, destinations(t, g, Load{VIPs: 65_000, Size: 64, Window: 64}, 65_024), 65_000)
}

func TestLoadIsValidated(t *testing.T) {
	for name, l := range map[string]Load{
		"too small for a header": {Size: HeaderLen - 1},
		"too long a send":        {Size: 1200, Segments: 64, Window: 64},
		"too many VIPs":          {Size: 64, VIPs: maxAddrs + 1},
		"too many clients":       {Size: 64, Clients: maxAddrs + 1},
		"a window for no send":   {Size: 64, Segments: 16, Window: 8},
	} {
		require.Error(t, l.validate(), name)
	}
}

// An answer sends the n-th datagram, b, back to addr.
type answer func(c *net.UDPConn, b []byte, addr netip.AddrPort, n int)

func echo(c *net.UDPConn, b []byte, addr netip.AddrPort, _ int) { c.WriteToUDPAddrPort(b, addr) }

// serve answers datagrams on an address of the loopback network, and returns
// a load of a short window for it.
func serve(t *testing.T, ip net.IP, a answer) Load {
	// The generator takes a processor from the runtime without the scheduler's
	// knowledge.
	n := runtime.GOMAXPROCS(4)
	t.Cleanup(func() { runtime.GOMAXPROCS(n) })
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip})
	require.NoError(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() { c.Close(); <-ended })
	go func() {
		defer close(ended)
		b := make([]byte, 1<<16)
		for i := 1; ; i++ {
			n, addr, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			a(c, b[:n], addr, i)
		}
	}()
	return Load{
		PID: os.Getpid(), Port: c.LocalAddr().(*net.UDPAddr).Port, VIPs: 1, Size: 64, Window: 16,
		Prime: 100, Warm: time.Millisecond, Measure: 5 * time.Millisecond,
	}
}

// measured measures until something was answered in the window, and nothing too late: on a
// machine that is busy with other things that may take a longer one, and several. All is
// of every try.
func measured(t *testing.T, l Load) Result {
	var g Generator
	defer g.Close()
	var all Tally
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
	return Result{}
}

// TestRepliesAreJudged: in the window and before it, by a closed loop and with one
// send in flight.
func TestRepliesAreJudged(t *testing.T) {
	vip := net.IPv4(127, 1, 0, 1) // the only one when there is one
	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 1, 0, 2)})
	require.NoError(t, err)
	defer other.Close()
	for _, test := range []struct {
		name     string
		ip       net.IP
		vips     int
		segments int
		answer   answer
		check    func(t *testing.T, r Result)
	}{
		{"right", vip, 1, 1, echo, func(t *testing.T, r Result) {
			require.Zero(t, r.All.WrongSource+r.All.WrongPayload)
		}},
		{"segments", vip, 1, 8, func(c *net.UDPConn, b []byte, addr netip.AddrPort, n int) {
			if len(b) != 64 { // the kernel has not split the send
				b[0]++
			}
			echo(c, b, addr, n)
		}, func(t *testing.T, r Result) {
			require.Zero(t, r.All.WrongSource+r.All.WrongPayload)
		}},
		{"what net does wrong", net.IPv4zero, 8, 1, echo, func(t *testing.T, r Result) {
			require.Equal(t, r.Replies, r.WrongSource)
		}},
		{"one wrong source among right ones", vip, 1, 1, func(c *net.UDPConn, b []byte, addr netip.AddrPort, n int) {
			if n%8 == 0 {
				c = other
			}
			echo(c, b, addr, n)
		}, func(t *testing.T, r Result) {
			require.Positive(t, r.WrongSource)
			require.Less(t, r.WrongSource, r.Replies/2)
		}},
		{"wrong payload", vip, 1, 1, func(c *net.UDPConn, b []byte, addr netip.AddrPort, n int) {
			b[0]++
			echo(c, b, addr, n)
		}, func(t *testing.T, r Result) {
			require.Equal(t, r.Replies, r.WrongPayload)
		}},
		{"before the window", vip, 1, 1, func(c *net.UDPConn, b []byte, addr netip.AddrPort, n int) {
			switch {
			case n <= 20:
				c = other
			case n <= 50:
				b[0]++
			}
			echo(c, b, addr, n)
		}, func(t *testing.T, r Result) {
			require.Zero(t, r.WrongSource+r.WrongPayload)
			require.Equal(t, 20, r.All.WrongSource)
			require.Equal(t, 30, r.All.WrongPayload)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, latency := range []bool{false, true} {
				l := serve(t, test.ip, test.answer)
				l.VIPs, l.Segments, l.Latency = test.vips, test.segments, latency
				r := measured(t, l)
				require.Positive(t, r.Replies)
				require.Positive(t, r.CPU)
				require.Equal(t, latency, r.P50 > 0)
				test.check(t, r)
			}
		})
	}
}

// TestEveryReplyIsCounted: also those after the window.
func TestEveryReplyIsCounted(t *testing.T) {
	var n atomic.Int64
	l := serve(t, net.IPv4zero, func(c *net.UDPConn, b []byte, addr netip.AddrPort, _ int) {
		n.Add(1)
		echo(c, b, addr, 0)
	})
	l.VIPs = 8
	var g Generator
	defer g.Close()
	var all Tally
	for range 3 {
		r, err := g.Run(l)
		require.NoError(t, err)
		require.Less(t, r.Replies, r.All.Replies)
		all.Add(r.All)
		require.EqualValues(t, n.Load(), all.Replies)
		require.Equal(t, all.Replies, all.WrongSource)
	}
}

// TestUnanswered: requests are given up, and so is a server that never answers.
func TestUnanswered(t *testing.T) {
	var g Generator
	defer g.Close()
	l := serve(t, net.IPv4zero, func(c *net.UDPConn, b []byte, addr netip.AddrPort, n int) {
		if n <= 150 {
			echo(c, b, addr, n)
		}
	})
	l.Measure = 100 * time.Millisecond
	r, err := g.Run(l)
	require.NoError(t, err)
	require.Positive(t, r.Lost)

	for _, latency := range []bool{false, true} {
		l := serve(t, net.IPv4zero, func(*net.UDPConn, []byte, netip.AddrPort, int) {})
		l.Latency = latency
		_, err := g.Run(l)
		require.ErrorContains(t, err, "answered 0 datagrams and then none for 1s")
	}

	_, err = g.Run(Load{PID: 1 << 22, Size: 64})
	require.ErrorContains(t, err, "CPU time of the server")
}

// TestClientsKeepTheirAddresses from one window to the next.
func TestClientsKeepTheirAddresses(t *testing.T) {
	var seen sync.Map
	l := serve(t, net.IPv4(127, 1, 0, 1), func(c *net.UDPConn, b []byte, addr netip.AddrPort, _ int) {
		seen.Store(addr, nil)
		echo(c, b, addr, 0)
	})
	l.Clients, l.Prime = 100, 200
	var g Generator
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

// TestFlood: it does not wait for answers, and counts those that come.
func TestFlood(t *testing.T) {
	l := serve(t, net.IPv4(127, 1, 0, 1), func(c *net.UDPConn, b []byte, addr netip.AddrPort, n int) {
		if n <= 200 || n%2 == 0 {
			echo(c, b, addr, n)
		}
	})
	l.Flood, l.Measure = true, 100*time.Millisecond
	var g Generator
	defer g.Close()
	r, err := g.Run(l)
	require.NoError(t, err)
	require.Greater(t, r.Replies, 10*l.Window)
	require.Zero(t, r.Lost)
	require.Zero(t, r.All.WrongSource+r.All.WrongPayload)
	require.Less(t, r.All.Replies, int(g.seq), "half of them has no answer")
}
