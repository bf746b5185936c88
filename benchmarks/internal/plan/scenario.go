//go:build linux

package plan

import (
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
)

// A Scenario puts servers side by side.
type Scenario struct {
	Name  string
	Title string
	// Apart is for servers with more than one thread at work. Otherwise
	// server and generator share one processor, and take turns there.
	Apart bool
	// Baseline is the label of the entry that ratios are over, and Limit that
	// of the one in C that shows what the kernel allows, if there is one.
	Baseline, Limit string
	Entries         []Entry
}

// An Entry is a server under a load.
type Entry struct {
	Label  string
	Server Server
	Load   load.Load
}

// Latency reports whether round trips are timed.
func (s Scenario) Latency() bool { return len(s.Entries) > 0 && s.Entries[0].Load.Latency }

// Entry returns the entry of a label.
func (s Scenario) Entry(label string) (Entry, bool) {
	for _, e := range s.Entries {
		if e.Label == label {
			return e, true
		}
	}
	return Entry{}, false
}
