//go:build linux

package load

import (
	"slices"
	"time"
)

// latency has one datagram in flight, and notes how long each takes.
func (g *Generator) latency(s *span) {
	next := now()
	for k := 0; ; k = (k + 1) % len(g.fds) {
		if s.over(now()) {
			break
		}
		if next += g.load.Gap; g.load.Gap > 0 {
			sleepUntil(next)
		}
		g.roundTrip(k)
	}
	s.close()
	slices.Sort(g.times)
	if n := len(g.times); n > 0 {
		g.count.P50 = time.Duration(g.times[n/2])
		g.count.P99 = time.Duration(g.times[n*99/100])
	}
}

// roundTrip sends one datagram from socket k and waits for its reply.
func (g *Generator) roundTrip(k int) {
	fd := int(g.fds[k].Fd)
	g.fill(1)
	begin := now()
	if g.sent.send(fd, 1) == 0 {
		g.count.Lost++
		return
	}
	for missing := g.load.Train; missing > 0; {
		wait(g.fds[k:k+1], patience)
		n := g.receive(fd)
		if n == 0 && now()-begin > patience {
			g.count.Lost += missing
			return
		}
		missing -= n
	}
	g.times = append(g.times, int64(now()-begin))
}
