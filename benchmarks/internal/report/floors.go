//go:build linux

package report

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/verdict"
)

var grades = map[verdict.Grade]text.Colors{
	verdict.Met:    {text.FgGreen},
	verdict.Floor:  {text.FgYellow},
	verdict.Missed: {text.FgRed, text.Bold},
}

// Floors prints the table of floors and targets, with what C reaches of them and with
// the checks of wrong sources as one.
func Floors(w io.Writer, vs []verdict.Verdict) {
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
	sources(w, vs)
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
