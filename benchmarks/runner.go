//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/cecho"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
)

// The length of windows, and of what comes before each.
const (
	warm     = 10 * time.Millisecond
	measured = 50 * time.Millisecond
)

// newRunner makes the namespace and the servers in C ready. It says what the
// run will do without. Cleanup removes those servers.
func newRunner(ctx context.Context, o options, stdout io.Writer) (r *run.Runner, cleanup func() error, err error) {
	if err := run.Prepare(); err != nil {
		return nil, nil, err
	}
	cpus, err := machine.CPUs()
	if err != nil {
		return nil, nil, err
	}
	if len(cpus) == 1 {
		fmt.Fprintln(stdout, "There is one processor: what needs two (reuseport, stops) says nothing here.")
	} else if err := machine.Leave(cpus[0]); err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "dsrudp-benchmarks-")
	if err != nil {
		return nil, nil, err
	}
	r = &run.Runner{Rounds: o.rounds, CPUs: cpus, Warm: warm, Measure: measured}
	cleanup = func() error { return os.RemoveAll(dir) }
	r.C, err = cecho.Build(ctx, dir)
	if errors.Is(err, cecho.ErrNoCompiler) {
		fmt.Fprintf(stdout, "There is %v: the servers in C are left out, and what is held against them is not measured.\n", err)
	} else if err != nil {
		return nil, nil, errors.Join(err, cleanup())
	}
	return r, cleanup, nil
}
