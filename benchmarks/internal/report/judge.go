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
	Goal    Grade = "goal met" // and so the bound
	Must    Grade = "met"      // the bound, but not the goal
	NorC    Grade = "not by C either"
	Unclear Grade = "unclear" // above the bound, but by too little for so few rounds
	Missed  Grade = "MISSED"
	Unknown Grade = "not measured"
)

// A Verdict is a check and its result.
type Verdict struct {
	plan.Check
	Value run.Summary
	Grade Grade
	// C is the same ratio in C, NaN where there is none: what the kernel's
	// interface allows on this machine.
	C run.Summary
}

// Judge judges the checks by the outcomes.
func Judge(checks []plan.Check, outcomes []*run.Outcome) (vs []Verdict) {
	for _, c := range checks {
		v := Verdict{Check: c, Grade: Unknown, Value: run.Summarize(nil), C: run.Summarize(nil)}
		for _, o := range outcomes {
			if o.Scenario.Name == c.Scenario {
				v.judge(o)
			}
		}
		vs = append(vs, v)
	}
	return vs
}

// Failed reports whether a bound was missed, or a reply of this project came from a
// wrong source. What was not measured misses none, nor does what C misses
// too or what is not clear.
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
	if v.COf != "" {
		v.C = run.Summarize(values(plan.Check{Metric: v.Metric, Of: v.COf, Over: v.COver}, o))
	}
	switch x := v.Value.Median; {
	case math.IsNaN(x):
	case x <= v.Goal:
		v.Grade = Goal
	case x <= v.Must:
		v.Grade = Must
	case v.C.Median > v.Must:
		v.Grade = NorC
	case !clear(xs, v.Must):
		v.Grade = Unclear
	default:
		v.Grade = Missed
	}
}

// Settled reports whether more rounds would hardly change on which side of its
// bound any check of the scenario is.
func Settled(checks []plan.Check, o *run.Outcome) bool {
	for _, c := range checks {
		if c.Scenario != o.Scenario.Name {
			continue
		}
		if xs := values(c, o); len(xs) > 0 && !clear(xs, c.Must) {
			return false
		}
	}
	return true
}

// clear reports whether more numbers like xs would hardly change on which side of the
// bound their median is.
func clear(xs []float64, bound float64) bool {
	lower, upper := run.Interval(xs)
	return lower > bound || upper <= bound
}

// values returns the numbers whose median the bounds are for, none if one of the
// entries is absent.
func values(c plan.Check, o *run.Outcome) []float64 {
	of, over := o.Entry(c.Of), o.Entry(c.Over)
	switch {
	case of == nil || over == nil && c.Over != "":
		return nil
	case c.Metric == plan.Allocs:
		return []float64{of.Allocs()}
	case over == nil:
		return of.Series(c.Metric)
	default:
		return run.Ratios(of.Series(c.Metric), over.Series(c.Metric))
	}
}

// String returns what is compared.
func (v Verdict) String() string {
	if v.Over == "" {
		return fmt.Sprintf("%s: %s of %s", v.Scenario, v.Metric, v.Of)
	}
	return fmt.Sprintf("%s: %s of %s / %s", v.Scenario, v.Metric, v.Of, v.Over)
}
