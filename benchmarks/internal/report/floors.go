//go:build linux

package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/verdict"
)

var grades = map[verdict.Grade]text.Colors{
	verdict.Met:    {text.FgGreen},
	verdict.Floor:  {text.FgYellow},
	verdict.Missed: {text.FgRed, text.Bold},
}

// Floors prints the table of floors and targets, with what C reaches of them and with
// the checks of wrong sources as one.
func Floors(w io.Writer, vs []verdict.Verdict, outcomes []*run.Outcome) {
	fmt.Fprintf(w, "\n%s\n", heading.Sprint("Floors and targets"))
	t := newTable(w, "what", "of", "over", "ratio", "quartiles", "C's", "floor", "target", "")
	number(t, 4, 8)
	last := ""
	for _, v := range vs {
		if v.Metric == plan.Wrong {
			continue
		}
		row := v.Row
		if row == last {
			row = ""
		}
		last = v.Row
		t.AppendRow(table.Row{row, of(v), short(v.Over), ratio(v.Value.Median), spread(v.Value), ratio(v.Limit.Median), bound(v, v.Floor), bound(v, v.Target), grade(v.Grade)})
	}
	t.Render()
	grouping(w, outcomes)
	sources(w, vs)
}

// grouping tells what saturated servers owe to grouping, which C does not do as they
// do, and so what of their rows is not to be held against C.
func grouping(w io.Writer, outcomes []*run.Outcome) {
	c := plan.Ungrouped()
	i := slices.IndexFunc(outcomes, func(o *run.Outcome) bool { return o.Scenario.Name == c.Scenario })
	if i < 0 {
		return
	}
	o := outcomes[i]
	of, over := o.Entry(c.Of), o.Entry(c.Over)
	if of == nil || over == nil {
		return
	}
	r := of.Ratio(c.Metric, over)
	if r.N == 0 {
		return
	}
	fmt.Fprintf(w, " %s: Server and ReadPackets send as one what a batch has for each path, also with others' between, which C does not.\n", c.Scenario)
	fmt.Fprintf(w, " Without grouping Server took %s of %s in the same run (quartiles %s)", ratio(r.Median), c.Over, spread(r))
	if limit := o.Entry(o.Scenario.Limit); limit != nil && limit.Ratio(c.Metric, over).N > 0 {
		fmt.Fprintf(w, "; %s took %s", limit.Label, ratio(limit.Ratio(c.Metric, over).Median))
	}
	fmt.Fprintln(w, ".")
}

// of names what a verdict is about.
func of(v verdict.Verdict) string {
	if v.Metric == plan.CPU {
		return short(v.Of)
	}
	return short(v.Of) + ": " + string(v.Metric)
}

// short leaves out the name of this project.
func short(label string) string { return strings.TrimPrefix(label, "dsrudp ") }

func bound(v verdict.Verdict, x float64) string {
	if v.AtLeast {
		return "≥ " + fixed(x, 2)
	}
	return fixed(x, 2)
}

func grade(g verdict.Grade) string { return grades[g].Sprint(string(g)) }

// sources tells of wrong sources: how many, and of whom.
func sources(w io.Writer, vs []verdict.Verdict) {
	entries, sum := 0, 0.0
	for _, v := range vs {
		if v.Metric != plan.Wrong || math.IsNaN(v.Value.Median) {
			continue
		}
		entries++
		if sum += v.Value.Median; v.Value.Median > 0 {
			fmt.Fprintf(w, " %s: %.0f replies from a wrong source: %s\n", v.Scenario, v.Value.Median, v.Of)
		}
	}
	g := verdict.Met
	if sum > 0 {
		g = verdict.Missed
	}
	fmt.Fprintf(w, " wrong sources of this project's servers: %.0f, in %d rows: %s\n", sum, entries, grade(g))
}
