//go:build linux

// Package report judges results and presents them: in tables, in JSON, and in
// charts.
package report

import (
	"fmt"
	"math"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
)

// A Report has all results of a run.
type Report struct {
	Machine  machine.Description
	Rounds   int
	Outcomes []*run.Outcome
	Verdicts []Verdict
	Memory   *echo.Memory // nil if it was not measured
}

// A Grade is the result of a check.
type Grade string

// The grades.
const (
	Met     Grade = "met"       // the target, and so the floor
	Floor   Grade = "floor met" // but not the target
	Missed  Grade = "MISSED"    // the floor
	Unknown Grade = "not measured"
)

// A Verdict is a check and its result.
type Verdict struct {
	plan.Check
	Value run.Summary
	Grade Grade
	// Limit is the same ratio of the scenario's limit, NaN where there is none: what
	// the kernel's interface allows on this machine.
	Limit run.Summary
}

// Judge judges the checks by the outcomes.
func Judge(checks []plan.Check, outcomes []*run.Outcome) (vs []Verdict) {
	for _, c := range checks {
		v := Verdict{Check: c, Grade: Unknown, Value: run.Summarize(nil), Limit: run.Summarize(nil)}
		for _, o := range outcomes {
			if o.Scenario.Name == c.Scenario {
				v.judge(o)
			}
		}
		vs = append(vs, v)
	}
	return vs
}

// Failed reports whether a floor was missed, or a reply of this project came from a
// wrong source. What was not measured misses no floor.
func (r *Report) Failed() bool {
	for _, v := range r.Verdicts {
		if v.Grade == Missed {
			return true
		}
	}
	for _, o := range r.Outcomes {
		for i := range o.Entries {
			if wrongOfOurs(&o.Entries[i]) > 0 {
				return true
			}
		}
	}
	return false
}

// wrongOfOurs returns how many replies of a server of this project came from a
// wrong source or were no echoes.
func wrongOfOurs(e *run.Entry) int {
	if !e.Server.Ours() {
		return 0
	}
	return e.All.WrongSource + e.All.WrongPayload
}

func (v *Verdict) judge(o *run.Outcome) {
	xs := values(v.Check, o)
	v.Value = run.Summarize(xs)
	// What the limit reaches is of interest beside another project's server.
	over, limit := o.Entry(v.Over), o.Entry(o.Scenario.Limit)
	if over != nil && limit != nil && over != limit && !over.Server.Ours() && v.GainOf == "" {
		v.Limit = limit.Ratio(v.Metric, over)
	}
	switch x := v.Value.Median; {
	case math.IsNaN(x):
	case x <= v.Target:
		v.Grade = Met
	case x <= v.Floor:
		v.Grade = Floor
	default:
		v.Grade = Missed
	}
}

// Settled reports whether more rounds would hardly change on which side of its
// floor any check of the scenario is.
func Settled(checks []plan.Check, o *run.Outcome) bool {
	for _, c := range checks {
		if c.Scenario != o.Scenario.Name {
			continue
		}
		lower, upper := run.Interval(values(c, o))
		if lower <= c.Floor && upper > c.Floor {
			return false
		}
	}
	return true
}

// values returns the numbers whose median the bounds are for, none if one of the
// entries is absent.
func values(c plan.Check, o *run.Outcome) []float64 {
	for _, label := range c.Labels() {
		if o.Entry(label) == nil {
			return nil
		}
	}
	if c.Metric == plan.Allocs {
		return []float64{o.Entry(c.Of).Allocs()}
	}
	series := func(label string) []float64 { return o.Entry(label).Series(c.Metric) }
	r := series(c.Of)
	if c.Over != "" {
		r = run.Ratios(r, series(c.Over))
	}
	if c.GainOf != "" {
		r = run.Ratios(r, run.Ratios(series(c.GainOf), series(c.GainOver)))
	}
	return r
}

// String returns what is compared.
func (v Verdict) String() string {
	switch {
	case v.GainOf != "":
		return fmt.Sprintf("%s: %s of (%s / %s) / (%s / %s)", v.Scenario, v.Metric, v.Of, v.Over, v.GainOf, v.GainOver)
	case v.Over != "":
		return fmt.Sprintf("%s: %s of %s / %s", v.Scenario, v.Metric, v.Of, v.Over)
	default:
		return fmt.Sprintf("%s: %s of %s", v.Scenario, v.Metric, v.Of)
	}
}
