//go:build linux

package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
)

// An Outcome is what came of a scenario.
type Outcome struct {
	Scenario plan.Scenario
	Entries  []Entry
}

// An Entry is what came of one of its entries.
type Entry struct {
	plan.Entry
	Windows []Window // by round
	// Before and After are the statistics of the server before the first
	// window and after the last, and Datagrams what it answered between.
	Before, After echo.Stats
	Datagrams     int
	// All has every reply of the server: those before the first window, too,
	// and those of windows that were tried again.
	All load.Tally
}

// contestant is a server that takes its turns.
type contestant struct {
	*server
	entry *Entry
}

// Run runs a scenario.
func (r *Runner) Run(ctx context.Context, s plan.Scenario) (o *Outcome, err error) {
	o = &Outcome{Scenario: s}
	for _, e := range r.Entries(s) {
		o.Entries = append(o.Entries, Entry{Entry: e})
	}
	var cs []contestant
	defer func() {
		for _, c := range cs {
			err = errors.Join(err, c.stop())
		}
	}()
	for i := range o.Entries {
		srv, err := r.startServer(s, o.Entries[i].Entry)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		cs = append(cs, contestant{srv, &o.Entries[i]})
	}
	g, err := r.startGenerator(s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.stop()) }()
	if err := r.rounds(ctx, o, g, cs); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return o, nil
}

// Rounds returns how many there were.
func (o *Outcome) Rounds() int {
	n := 0
	for _, e := range o.Entries {
		n = max(n, len(e.Windows))
	}
	return n
}

// Entries returns the entries that can run: those in C only where there is a
// compiler.
func (r *Runner) Entries(s plan.Scenario) []plan.Entry {
	return slices.DeleteFunc(slices.Clone(s.Entries), func(e plan.Entry) bool { return e.Server.C != nil && r.C == "" })
}

// rounds gives each contestant a window in each round, in another order each
// time.
func (r *Runner) rounds(ctx context.Context, o *Outcome, g *generator, cs []contestant) (err error) {
	for _, c := range cs {
		if err := r.prime(g, c); err != nil {
			return fmt.Errorf("%s: %w", c.entry.Label, err)
		}
	}
	for round := 0; round == 0 || round%r.Rounds != 0 || r.More != nil && r.More(o); round++ {
		order := rand.New(rand.NewPCG(uint64(round), 0)).Perm(len(cs))
		for _, i := range order {
			if err := ctx.Err(); err != nil {
				return err
			}
			w, err := r.window(o.Scenario, g, cs[i])
			if err != nil {
				return fmt.Errorf("%s: %w", cs[i].entry.Label, err)
			}
			cs[i].entry.Windows = append(cs[i].entry.Windows, w)
			if r.Done != nil {
				r.Done()
			}
		}
	}
	for _, c := range cs {
		if c.entry.After, err = c.stats(); err != nil {
			return fmt.Errorf("%s: statistics: %w", c.entry.Label, err)
		}
	}
	return nil
}

// prime shows the server all of its clients and VIPs once, so that windows find
// its memory of them as it will stay.
func (r *Runner) prime(g *generator, c contestant) error {
	l := c.entry.Load
	l.PID, l.Port = c.cmd.Process.Pid, c.port
	l.Prime = max(l.VIPs, l.Clients) * max(l.Train, 1) * max(l.Flow, 1)
	if l.Latency {
		l.Prime = 0
	}
	l.Warm, l.Measure = r.Warm, time.Millisecond
	w, err := g.Run(l)
	if err != nil {
		return err
	}
	c.entry.All.Add(w.All)
	c.entry.Before, err = c.stats()
	return err
}
