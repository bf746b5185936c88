//go:build linux

package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
)

var (
	heading = text.Colors{text.Bold}
	grades  = map[Grade]text.Colors{Goal: {text.FgGreen}, Must: {text.FgGreen}, NorC: {text.FgYellow}, Unclear: {text.FgYellow}, Missed: {text.FgRed, text.Bold}}
)

// newTable returns a table in this package's style, whose columns from the
// first-th to the last-th hold numbers.
func newTable(w io.Writer, first, last int, header ...any) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleDefault)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Options = table.Options{SeparateHeader: true}
	t.Style().Box.PaddingLeft, t.Style().Box.PaddingRight = " ", " "
	t.AppendHeader(header)
	var cs []table.ColumnConfig
	for i := first; i <= last; i++ {
		cs = append(cs, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(cs)
	return t
}

// Scenario prints the outcome of a scenario: ratios over the baseline and over C,
// each the median over the rounds with the quartiles behind it; of probes those over
// the same beside net's server.
func Scenario(w io.Writer, o *run.Outcome) {
	s, plural := o.Scenario, "s"
	if o.Rounds() == 1 {
		plural = ""
	}
	fmt.Fprintf(w, "\n%s  (%s, layout %s, %d round%s)\n", heading.Sprint(s.Title), s.Name, s.Layout, o.Rounds(), plural)
	if s.Probes() {
		probes(w, o)
		return
	}
	base, limit := o.Entry(s.Baseline), o.Entry(s.Limit)
	header := []any{"server", "CPU / A", "quartiles", "CPU / C", "ns CPU", "kpps"}
	if s.Latency() {
		header = append(header, "p50 / A", "p50 µs", "p99 µs")
	}
	header = append(header, "allocs", "wrong source", "lost")
	t := newTable(w, 2, len(header), header...)
	for i := range o.Entries {
		e := &o.Entries[i]
		r := e.Ratio(plan.CPU, base)
		row := table.Row{
			e.Label, ratio(r.Median), spread(r), ratio(e.Ratio(plan.CPU, limit).Median),
			fixed(e.Value(plan.CPU).Median, 0), fixed(e.Value(plan.Rate).Median/1e3, 1),
		}
		if s.Latency() {
			row = append(row, ratio(e.Ratio(plan.P50, base).Median), fixed(e.Value(plan.P50).Median/1e3, 1), fixed(e.Value(plan.P99).Median/1e3, 1))
		}
		t.AppendRow(append(row, fixed(e.Allocs(), 2), wrong(e), lost(e)))
	}
	t.Render()
	fmt.Fprintf(w, " A is %s", s.Baseline)
	if limit != nil {
		fmt.Fprintf(w, ", C is %s", s.Limit)
	}
	fmt.Fprintln(w)
}

// probes prints how long each probe took beside each server, medians over the windows,
// and last what was the worst in any.
func probes(w io.Writer, o *run.Outcome) {
	t := newTable(w, 2, 10, "server", "p50 / net", "p99 / net", "worst / net", "p50 µs", "p99 µs", "worst µs", "longest µs", "kpps", "wrong source")
	metrics := []plan.Metric{plan.P50, plan.P99, plan.Worst}
	for i := range o.Entries {
		e := &o.Entries[i]
		row := table.Row{e.Label}
		for _, m := range metrics {
			row = append(row, ratio(e.Ratio(m, o.Entry(e.Over)).Median))
		}
		for _, m := range metrics {
			row = append(row, fixed(e.Value(m).Median/1e3, 0))
		}
		longest := slices.MaxFunc(e.Windows, func(a, b run.Window) int { return cmp.Compare(a.Worst, b.Worst) })
		t.AppendRow(append(row, longest.Worst.Microseconds(), fixed(e.Value(plan.Rate).Median/1e3, 1), wrong(e)))
	}
	t.Render()
	fmt.Fprintln(w, " net is the same probe beside net AddrPort")
}

func ratio(x float64) string { return fixed(x, 3) }

func fixed(x float64, digits int) string {
	if math.IsNaN(x) {
		return ""
	}
	return fmt.Sprintf("%.*f", digits, x)
}

// spread returns the quartiles.
func spread(s run.Summary) string {
	if s.N == 0 {
		return ""
	}
	return fmt.Sprintf("%.3f–%.3f", s.Lower, s.Upper)
}

// wrong returns the number of replies from a wrong source, and what part of all
// they are.
func wrong(e *run.Entry) string {
	s := "0"
	if n := e.All.WrongSource; n > 0 {
		s = fmt.Sprintf("%d (%s)", n, percent(n, e.All.Replies))
	}
	if n := e.All.WrongPayload; n > 0 {
		s += fmt.Sprintf(" + %d no echoes", n)
	}
	return s
}

// percent returns what part of all n are, and never shows few as none or many as
// all.
func percent(n, all int) string {
	switch p := 100 * float64(n) / float64(all); {
	case p < 1:
		return "<1%"
	case p > 99 && n < all:
		return ">99%"
	default:
		return fmt.Sprintf("%.0f%%", p)
	}
}

func lost(e *run.Entry) string {
	if _, n := e.Total(); n > 0 {
		return fmt.Sprint(n)
	}
	return ""
}

// Summary prints what is not of one scenario: memory, costs in both layouts, and the
// table of checks.
func Summary(w io.Writer, r *Report) {
	fmt.Fprintf(w, "\n%s\n", heading.Sprint("Memory"))
	if r.Memory != nil {
		fmt.Fprintf(w, " a Conn: %d bytes; serving it adds %d bytes\n", r.Memory.Conn, r.Memory.Reader)
	}
	for _, o := range r.Outcomes {
		for _, e := range o.Entries {
			// With few clients it is the table's smallest size that counts.
			if n := e.After.PathEntries; n >= 1000 {
				fmt.Fprintf(w, " path memory, %s: %d bytes for %d clients, %.1f each\n", e.Label, e.After.PathBytes, n, float64(e.After.PathBytes)/float64(n))
			}
		}
	}
	costs(w, r.Outcomes)
	fmt.Fprintf(w, "\n%s\n", heading.Sprint("What must hold, and goals"))
	t := newTable(w, 5, 9, "what", "scenario", "of", "over", "ratio", "quartiles", "C's", "must", "goal", "")
	last, absent := "", 0
	for _, v := range r.Verdicts {
		if !slices.ContainsFunc(r.Outcomes, func(o *run.Outcome) bool { return o.Scenario.Name == v.Scenario }) {
			absent++
			continue
		}
		row := fmt.Sprintf("%s (%s)", v.Row, v.Layout)
		if row == last {
			row = ""
		} else {
			last = row
		}
		of, over := short(v.Of), short(v.Over)
		if i := strings.Index(over, ", "); i >= 0 && strings.HasSuffix(of, over[i:]) {
			over = over[:i] // and what follows is in the column before
		}
		if v.Metric != plan.CPU {
			of += ": " + string(v.Metric)
		}
		t.AppendRow(table.Row{row, v.Scenario, of, over, ratio(v.Value.Median), spread(v.Value), ratio(v.C.Median), fixed(v.Must, 2), fixed(v.Goal, 2), grade(v.Grade)})
	}
	t.Render()
	if absent > 0 {
		fmt.Fprintf(w, " %d more are of scenarios that were not run\n", absent)
	}
	sources(w, r.Outcomes)
}

// costs prints the ratios of the scenarios that were run in both layouts, the shared
// one first.
func costs(w io.Writer, outcomes []*run.Outcome) {
	var labels, names []string
	cells := make(map[[2]string]string) // by label and name
	for i := 1; i < len(outcomes); i++ {
		shared, apart := outcomes[i-1], outcomes[i]
		name := shared.Scenario.Name
		if apart.Scenario.Name != name+plan.ApartSuffix {
			continue
		}
		names = append(names, name)
		for k := range apart.Entries {
			a := &apart.Entries[k]
			if s := shared.Entry(a.Label); s != nil {
				of := func(e *run.Entry, o *run.Outcome) string {
					return fixed(e.Ratio(plan.CPU, o.Entry(o.Scenario.Baseline)).Median, 2)
				}
				cells[[2]string{a.Label, name}] = of(s, shared) + ", " + of(a, apart)
				labels = append(labels, a.Label)
			}
		}
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", heading.Sprint("CPU / A in both layouts: shared, apart"))
	header := table.Row{"server"}
	for _, n := range names {
		header = append(header, n)
	}
	t := newTable(w, 2, len(header), header...)
	slices.Sort(labels)
	for _, l := range slices.Compact(labels) {
		row := table.Row{l}
		for _, n := range names {
			row = append(row, cells[[2]string{l, n}])
		}
		t.AppendRow(row)
	}
	t.Render()
}

// short leaves out the name of this project.
func short(label string) string { return strings.TrimPrefix(label, "dsrudp ") }

func grade(g Grade) string { return grades[g].Sprint(string(g)) }

// sources prints how many replies of this project came from wrong sources, and of
// which servers.
func sources(w io.Writer, outcomes []*run.Outcome) {
	entries, sum, g := 0, 0, Must
	for _, o := range outcomes {
		for i := range o.Entries {
			e := &o.Entries[i]
			if e.Server.Ours() {
				entries++
			}
			if n := wrongOfOurs(e); n > 0 {
				fmt.Fprintf(w, " %s: %d replies from a wrong source: %s\n", o.Scenario.Name, n, e.Label)
				sum, g = sum+n, Missed
			}
		}
	}
	fmt.Fprintf(w, " wrong sources of this project's servers: %d, in %d rows: %s\n", sum, entries, grade(g))
}
