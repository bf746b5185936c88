//go:build linux

package load

import (
	"fmt"
	"time"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
)

// Run generates a load and returns what came of it. Loads for one server, which
// is known by its port, must be alike but for how long they take.
func (g *Generator) Run(l Load) (Result, error) {
	if err := l.validate(); err != nil {
		return Result{}, err
	}
	cpu, err := machine.CPUClock(l.PID)
	if err != nil {
		return Result{}, fmt.Errorf("load: the CPU time of the server, process %d: %w", l.PID, err)
	}
	if g.fds, err = g.open(&l); err != nil {
		return Result{}, err
	}
	g.prepare(l)
	g.drain()
	s := g.span(cpu)
	if l.Latency {
		g.latency(&s)
	} else {
		g.closedLoop(&s)
	}
	if s.begin == 0 {
		return Result{}, fmt.Errorf("load: the server on port %d answered %d datagrams and then none for %v", l.Port, g.count.All.Replies, silence)
	}
	return g.count, nil
}

// A span is the time that counts of a run: it begins after the warming up.
type span struct {
	g     *Generator
	cpu   machine.Clock
	begin time.Duration // 0 until it begins
	at    time.Duration // when to begin
	end   time.Duration

	answers int // seen until the time heard
	heard   time.Duration

	cpu0, own0, steal0 time.Duration
}

func (g *Generator) span(cpu machine.Clock) span {
	t := now()
	return span{g: g, cpu: cpu, at: t + g.load.Warm, heard: t}
}

// silence is for how long a server may answer nothing before counting begins.
const silence = time.Second

// over reports whether the span has ended, given the time. It ends without
// having begun when the server does not answer.
func (s *span) over(t time.Duration) bool {
	if n := s.g.count.All.Replies; n > s.answers {
		s.answers, s.heard = n, t
	}
	switch {
	case s.begin != 0:
		return t >= s.end
	case t-s.heard > silence:
		return true
	case t < s.at || s.g.count.All.Replies < s.g.load.Prime:
		return false
	}
	s.g.count = Result{All: s.g.count.All}
	s.g.times = s.g.times[:0]
	s.steal0 = machine.Steal()
	s.own0 = machine.Own.Read()
	s.cpu0 = s.cpu.Read()
	s.begin = now()
	s.end = s.begin + s.g.load.Measure
	return false
}

// close completes the count.
func (s *span) close() {
	c := &s.g.count
	c.CPU = s.cpu.Read() - s.cpu0
	c.Elapsed = now() - s.begin
	c.Own = machine.Own.Read() - s.own0
	c.Steal = machine.Steal() - s.steal0
}
