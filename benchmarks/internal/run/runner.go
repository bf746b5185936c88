//go:build linux

// Package run runs scenarios: it starts the servers and the generator, and has
// the servers take turns in windows of time.
package run

import (
	"fmt"
	"time"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
)

// A Runner runs scenarios one after the other.
type Runner struct {
	// C is the program with the servers in C. Without it their entries are
	// left out.
	C string
	// Rounds is the number of windows that each entry gets, and Warm and
	// Measure are their length.
	Rounds        int
	Warm, Measure time.Duration
	// More is asked after that many rounds of a scenario, and each time after as
	// many again, whether there are to be more.
	More func(*Outcome) bool
	// CPUs are the processors to use. The first is for servers and generator.
	CPUs []int
	// Done is called after each window.
	Done func()
}

type generator struct {
	*process
	*load.Remote
}

// place returns where the servers and the generator of a scenario run.
func (r *Runner) place(s plan.Scenario) machine.Place {
	if s.Apart {
		return machine.Place{CPUs: r.CPUs}
	}
	return machine.Place{CPUs: r.CPUs[:1], Batch: true}
}

// startGenerator starts the generator for a scenario.
func (r *Runner) startGenerator(s plan.Scenario) (*generator, error) {
	p, err := start(command(roleLoad, nil), r.place(s))
	if err != nil {
		return nil, fmt.Errorf("starting the generator: %w", err)
	}
	return &generator{p, load.NewRemote(p.out, p.in)}, nil
}
