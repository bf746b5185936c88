//go:build linux

package run

import (
	"math"
	"slices"
	"time"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
)

// An Outcome is the result of a scenario.
type Outcome struct {
	Scenario plan.Scenario
	Entries  []Entry
}

// An Entry is the result of one of its entries.
type Entry struct {
	plan.Entry
	Windows []Window // by round
	// Before and After are the statistics of the server before the first
	// window and after the last, and Datagrams what it answered between.
	Before, After echo.Stats
	Datagrams     int
	// All has every reply of the server: also those before the first window
	// and those of windows that were tried again.
	All load.Tally
}

// A Window is what was measured of a server in one round.
type Window struct {
	load.Result
	// Disturbed says that the hypervisor took a processor away for more than
	// maxSteal, each time it was tried. The window does not count.
	Disturbed bool
	// Foreign is the part of the time for which the processor that server and
	// generator share ran other processes. It is 0 where it cannot be known, as
	// they sleep or have several processors.
	Foreign float64
	// Worst is the longest time that a probe took, see echo.Spec.Probe. P50 and P99
	// are of the probes then, too.
	Worst time.Duration
}

// Rounds returns how many there were.
func (o *Outcome) Rounds() int {
	n := 0
	for _, e := range o.Entries {
		n = max(n, len(e.Windows))
	}
	return n
}

// Entry returns the outcome of the entry of a label, nil if there is none.
func (o *Outcome) Entry(label string) *Entry {
	for i := range o.Entries {
		if o.Entries[i].Label == label {
			return &o.Entries[i]
		}
	}
	return nil
}

// Series returns the metric of each round, NaN where the window has none or does
// not count.
func (e *Entry) Series(m plan.Metric) []float64 {
	s := make([]float64, len(e.Windows))
	for i, w := range e.Windows {
		s[i] = math.NaN()
		if w.Disturbed || w.Replies == 0 {
			continue
		}
		switch m {
		case plan.CPU:
			s[i] = float64(w.CPU) / float64(w.Replies)
		case plan.Rate:
			s[i] = float64(w.Replies) / w.Elapsed.Seconds()
		case plan.P50:
			s[i] = float64(w.P50)
		case plan.P99:
			s[i] = float64(w.P99)
		case plan.Worst:
			s[i] = float64(w.Worst)
		}
	}
	return s
}

// Value summarizes a metric of an entry.
func (e *Entry) Value(m plan.Metric) Summary { return Summarize(e.Series(m)) }

// Ratio summarizes the ratios of a metric of an entry over that of another one,
// round by round. Without the other it is NaN.
func (e *Entry) Ratio(m plan.Metric, over *Entry) Summary {
	if over == nil {
		return Summarize(nil)
	}
	return Summarize(Ratios(e.Series(m), over.Series(m)))
}

// Total adds up what is counted of the windows, which of a server's replies is
// not all.
func (e *Entry) Total() (replies, lost int) {
	for _, w := range e.Windows {
		replies += w.Replies
		lost += w.Lost
	}
	return replies, lost
}

// Allocs returns the allocations per datagram of a server in Go, NaN of others.
// They contain those for the server's statistics, a few dozen in all.
func (e *Entry) Allocs() float64 {
	if e.Server.C != nil || e.Datagrams == 0 {
		return math.NaN()
	}
	return float64(e.After.Mallocs-e.Before.Mallocs) / float64(e.Datagrams)
}

// A Summary is the middle of a set of numbers and where half of them lie.
type Summary struct {
	N                    int
	Median, Lower, Upper float64 // Lower and Upper are the quartiles
}

// Summarize summarizes xs, which it does not change. NaNs do not count; without
// numbers all of the summary is NaN.
func Summarize(xs []float64) Summary {
	s := sorted(xs)
	// A quantile lies between two numbers by their distance from it.
	quantile := func(q float64) float64 {
		if len(s) == 0 {
			return math.NaN()
		}
		at := q * float64(len(s)-1)
		i := int(at)
		if i+1 >= len(s) {
			return s[len(s)-1]
		}
		return s[i] + (at-float64(i))*(s[i+1]-s[i])
	}
	return Summary{len(s), quantile(.5), quantile(.25), quantile(.75)}
}

// sorted returns a sorted copy of xs without NaNs.
func sorted(xs []float64) []float64 {
	s := slices.DeleteFunc(slices.Clone(xs), math.IsNaN)
	slices.Sort(s)
	return s
}

// Interval returns the closest two of xs between which the median of what xs were
// drawn from lies at least nine times out of ten, however that is distributed. With
// fewer than five numbers none are so sure: it is the outermost then. Without numbers
// they are NaN.
func Interval(xs []float64) (lower, upper float64) {
	s := sorted(xs)
	n := len(s)
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	// The lower one is beyond the median if no more than those before it, and it
	// would fall below: as likely as so few heads of n coins.
	before := 0
	heads := math.Pow(.5, float64(n))
	for sum := heads; ; before++ {
		heads *= float64(n-before) / float64(before+1)
		if sum += heads; 2*sum > .1 {
			break
		}
	}
	return s[before], s[n-1-before]
}

// Ratios divides the numbers of two series round by round. Where either of them
// is missing (NaN), or b is zero, the ratio is NaN. What disturbs the machine in
// a round disturbs both, so that the ratio is steadier than either.
func Ratios(a, b []float64) []float64 {
	r := make([]float64, min(len(a), len(b)))
	for i := range r {
		if r[i] = a[i] / b[i]; math.IsInf(r[i], 0) {
			r[i] = math.NaN()
		}
	}
	return r
}
