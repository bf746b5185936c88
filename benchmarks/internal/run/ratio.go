//go:build linux

package run

import (
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/stat"
)

// Entry returns the outcome of the entry of a label, nil if there is none.
func (o *Outcome) Entry(label string) *Entry {
	for i := range o.Entries {
		if o.Entries[i].Label == label {
			return &o.Entries[i]
		}
	}
	return nil
}

// Value summarizes a metric of an entry.
func (e *Entry) Value(m plan.Metric) stat.Summary { return stat.Summarize(e.Series(m)) }

// Ratio summarizes the ratios of a metric of an entry over that of another one,
// round by round. Without the other it is NaN.
func (e *Entry) Ratio(m plan.Metric, over *Entry) stat.Summary {
	if over == nil {
		return stat.Summarize(nil)
	}
	return stat.Summarize(stat.Ratios(e.Series(m), over.Series(m)))
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

// Allocs returns the allocations and the bytes allocated per datagram of a
// server in Go. They contain what the server does for its statistics, a few
// dozen in all.
func (e *Entry) Allocs() (allocs, bytes float64, ok bool) {
	if e.Server.C != nil || e.Datagrams == 0 {
		return 0, 0, false
	}
	n := float64(e.Datagrams)
	return float64(e.After.Mallocs-e.Before.Mallocs) / n, float64(e.After.Bytes-e.Before.Bytes) / n, true
}
