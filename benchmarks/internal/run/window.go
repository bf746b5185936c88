//go:build linux

package run

import (
	"math"
	"time"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
)

// A Window is what was seen of a server in one round.
type Window struct {
	load.Result
	// Disturbed says that the hypervisor took a processor away for more than
	// maxSteal, each time it was tried. The window does not count.
	Disturbed bool
	// Foreign is the part of the time that the processor which server and
	// generator share was at neither's service: other processes had it. It is
	// 0 where it cannot be known, as they sleep or have several processors.
	Foreign float64
}

// A window that more is stolen from, or of which others have a larger part, is
// tried again, so often in all, and the best try counts. The kernel counts what
// is stolen by steps of 10 ms.
const (
	maxSteal   = 10 * time.Millisecond
	maxForeign = .1
	tries      = 4
)

func (r *Runner) window(s plan.Scenario, g *generator, c contestant) (best Window, err error) {
	l := c.entry.Load
	l.PID, l.Port = c.cmd.Process.Pid, c.port
	if l.Warm == 0 {
		l.Warm = r.Warm
	}
	if l.Measure == 0 {
		l.Measure = r.Measure
	}
	for try := range tries {
		var w Window
		if w.Result, err = g.Run(l); err != nil {
			return w, err
		}
		c.entry.Datagrams += w.All.Replies
		c.entry.All.Add(w.All)
		w.Disturbed = w.Steal > maxSteal
		if !s.Apart && l.Gap == 0 {
			// One of the two always has something to do.
			w.Foreign = max(1-float64(w.CPU+w.Own)/float64(w.Elapsed), 0)
		}
		if try == 0 || w.better(best) {
			best = w
		}
		if !w.Disturbed && w.Foreign <= maxForeign {
			break
		}
	}
	return best, nil
}

// better reports whether w is to be preferred.
func (w Window) better(than Window) bool {
	if w.Disturbed != than.Disturbed {
		return !w.Disturbed
	}
	return w.Foreign < than.Foreign
}

// value returns a metric of the window, NaN if it has none or does not count.
func (w Window) value(m plan.Metric) float64 {
	if w.Disturbed || w.Replies == 0 {
		return math.NaN()
	}
	switch m {
	case plan.CPU:
		return float64(w.CPU) / float64(w.Replies)
	case plan.Rate:
		return float64(w.Replies) / w.Elapsed.Seconds()
	case plan.P50:
		return float64(w.P50)
	case plan.P99:
		return float64(w.P99)
	}
	return math.NaN()
}

// Series returns the metric of each round.
func (e *Entry) Series(m plan.Metric) []float64 {
	s := make([]float64, len(e.Windows))
	for i, w := range e.Windows {
		s[i] = w.value(m)
	}
	return s
}
