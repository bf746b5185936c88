//go:build linux

// Package verdict holds what was measured against floors and targets.
package verdict

import (
	"fmt"
	"math"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/stat"
)

// A Grade is how a check came out.
type Grade string

// The grades.
const (
	Met     Grade = "met"       // the target, and so the floor
	Floor   Grade = "floor met" // but not the target
	Missed  Grade = "MISSED"    // the floor
	Unknown Grade = "not measured"
)

// A Verdict is a check and what became of it.
type Verdict struct {
	plan.Check
	Value stat.Summary
	Grade Grade
	// Limit is the same ratio of the scenario's limit, NaN where there is none: what
	// the kernel's interface makes of it on this machine.
	Limit stat.Summary
}

// Of judges the checks, and the sources of all replies of this project.
func Of(checks []plan.Check, outcomes []*run.Outcome) []Verdict {
	byName := make(map[string]*run.Outcome)
	for _, o := range outcomes {
		byName[o.Scenario.Name] = o
	}
	var vs []Verdict
	for _, c := range checks {
		vs = append(vs, judge(c, byName[c.Scenario]))
	}
	for _, o := range outcomes {
		for _, c := range plan.WrongSources(o.Scenario) {
			vs = append(vs, judge(c, o))
		}
	}
	return vs
}

// Failed reports whether a floor was missed. What was not measured misses none.
func Failed(vs []Verdict) bool {
	for _, v := range vs {
		if v.Grade == Missed {
			return true
		}
	}
	return false
}

func judge(c plan.Check, o *run.Outcome) Verdict {
	v := Verdict{Check: c, Grade: Unknown, Value: stat.Summarize(nil), Limit: stat.Summarize(nil)}
	if o == nil {
		return v
	}
	entries, ok := named(c, o)
	if !ok {
		return v
	}
	v.Value = stat.Summarize(values(c, entries))
	if limit := o.Entry(o.Scenario.Limit); limit != nil && comparesOthers(c, o) {
		v.Limit = limit.Ratio(c.Metric, entries[c.Over])
	}
	switch x := v.Value.Median; {
	case math.IsNaN(x):
	case c.Meets(x, c.Target):
		v.Grade = Met
	case c.Meets(x, c.Floor):
		v.Grade = Floor
	default:
		v.Grade = Missed
	}
	return v
}

// comparesOthers reports whether a check is over somebody else's server that is not
// the limit.
func comparesOthers(c plan.Check, o *run.Outcome) bool {
	over := o.Entry(c.Over)
	return over != nil && !over.Server.Ours() && c.Over != o.Scenario.Limit && c.GainOf == ""
}

// Settled reports whether more rounds would hardly change how a check of the
// scenario stands to its floor.
func Settled(checks []plan.Check, o *run.Outcome) bool {
	for _, c := range checks {
		if c.Scenario != o.Scenario.Name {
			continue
		}
		entries, ok := named(c, o)
		if !ok {
			continue
		}
		lower, upper := stat.Interval(values(c, entries))
		if c.Meets(lower, c.Floor) != c.Meets(upper, c.Floor) {
			return false
		}
	}
	return true
}

// named returns the entries that a check is about.
func named(c plan.Check, o *run.Outcome) (entries map[string]*run.Entry, ok bool) {
	entries = make(map[string]*run.Entry)
	for _, label := range c.Labels() {
		if entries[label] = o.Entry(label); entries[label] == nil {
			return nil, false
		}
	}
	return entries, true
}

// values returns what the median is to be held against the bounds.
func values(c plan.Check, entries map[string]*run.Entry) []float64 {
	of := entries[c.Of]
	switch c.Metric {
	case plan.Wrong:
		return []float64{float64(of.All.WrongSource + of.All.WrongPayload)}
	case plan.Allocs:
		n, _, ok := of.Allocs()
		if !ok {
			n = math.NaN()
		}
		return []float64{n}
	}
	r := of.Series(c.Metric)
	if c.Over != "" {
		r = stat.Ratios(r, entries[c.Over].Series(c.Metric))
	}
	if c.GainOf != "" {
		r = stat.Ratios(r, stat.Ratios(entries[c.GainOf].Series(c.Metric), entries[c.GainOver].Series(c.Metric)))
	}
	return r
}

// String tells what is compared.
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
