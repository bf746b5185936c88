//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/report"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/verdict"
)

// job measures and reports, and returns the exit code: 1 if a floor was missed
// or something went wrong.
func job(ctx context.Context, o options, stdout, stderr io.Writer) int {
	r := &report.Report{Machine: machine.Describe(), Rounds: o.rounds}
	fmt.Fprintln(stdout, r.Machine)
	err := measure(ctx, o, r, stdout, stderr)
	if len(r.Outcomes) > 0 {
		conclude(r, stdout)
		err = errors.Join(err, save(o, r))
	}
	return exitCode(err, r.Verdicts, stderr)
}

func exitCode(err error, vs []verdict.Verdict, stderr io.Writer) int {
	if err != nil {
		fmt.Fprintln(stderr, "benchmarks:", err)
	}
	if err != nil || verdict.Failed(vs) {
		return 1
	}
	return 0
}

// scenarios returns what the flags ask for.
func (o options) scenarios() []plan.Scenario {
	all := plan.Scenarios()
	if o.quick {
		all = plan.Needed(all, append(plan.Checks(), plan.Ungrouped()))
	}
	var some []plan.Scenario
	for _, s := range all {
		if o.only == nil || o.only.MatchString(s.Name) {
			some = append(some, s)
		}
	}
	return some
}

// measure runs the scenarios, and prints each one's table when it is done.
func measure(ctx context.Context, o options, r *report.Report, stdout, stderr io.Writer) (err error) {
	scenarios := o.scenarios()
	if len(scenarios) == 0 {
		return fmt.Errorf("no scenario's name matches %v", o.only)
	}
	runner, cleanup, err := newRunner(ctx, o, stdout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanup()) }()
	windows := 0
	for _, s := range scenarios {
		windows += len(runner.Entries(s)) * o.rounds
	}
	bar := newBar(stderr, windows)
	defer bar.stop()
	runner.Done = bar.step
	checks := plan.Checks()
	runner.More = func(out *run.Outcome) bool {
		more := out.Rounds() < o.settle*o.rounds && !verdict.Settled(checks, out)
		if more {
			bar.more(len(out.Entries) * o.rounds)
		}
		return more
	}
	for _, s := range scenarios {
		bar.now(s.Name)
		out, err := runner.Run(ctx, s)
		if err != nil {
			return err
		}
		r.Outcomes = append(r.Outcomes, out)
	}
	r.Memory, err = run.Memory(ctx)
	return err
}

// conclude prints all tables.
func conclude(r *report.Report, stdout io.Writer) {
	for _, out := range r.Outcomes {
		report.Scenario(stdout, out)
	}
	checks := plan.Checks()
	r.Verdicts = verdict.Of(checks, r.Outcomes)
	report.Memory(stdout, r.Memory, r.Outcomes)
	report.Stops(stdout, r.Outcomes)
	report.Floors(stdout, r.Verdicts, r.Outcomes)
}

// save writes the files that were asked for.
func save(o options, r *report.Report) error {
	if o.json != "" {
		f, err := os.Create(o.json)
		if err != nil {
			return err
		}
		if err := errors.Join(report.JSON(f, r), f.Close()); err != nil {
			return err
		}
	}
	if o.plot != "" {
		return report.Charts(o.plot, r)
	}
	return nil
}
