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
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
)

var (
	heading = text.Colors{text.Bold}
	grades  = map[Grade]text.Colors{Met: {text.FgGreen}, Floor: {text.FgYellow}, Missed: {text.FgRed, text.Bold}}
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
// each the median over the rounds with the quartiles behind it.
func Scenario(w io.Writer, o *run.Outcome) {
	s, plural := o.Scenario, "s"
	if o.Rounds() == 1 {
		plural = ""
	}
	fmt.Fprintf(w, "\n%s  (%s, %d round%s)\n", heading.Sprint(s.Title), s.Name, o.Rounds(), plural)
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

// Summary prints what is not of one scenario: memory, the times it took to stop
// servers for the garbage collector, and the table of floors and targets.
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
			if s := e.After.Stops; e.Server.Go.CollectGarbage && s.N > 0 {
				fmt.Fprintf(w, " stopping %s for the garbage collector, %d times: median %v, 90th percentile %v, 99th %v\n",
					e.Label, s.N, s.P50, s.P90, s.P99)
			}
		}
	}
	fmt.Fprintf(w, "\n%s\n", heading.Sprint("Floors and targets"))
	t := newTable(w, 4, 8, "what", "of", "over", "ratio", "quartiles", "C's", "floor", "target", "")
	last := ""
	for _, v := range r.Verdicts {
		row := v.Row
		if row == last {
			row = ""
		}
		last = v.Row
		of := short(v.Of)
		if v.Metric != plan.CPU {
			of += ": " + string(v.Metric)
		}
		t.AppendRow(table.Row{row, of, short(v.Over), ratio(v.Value.Median), spread(v.Value), ratio(v.Limit.Median), fixed(v.Floor, 2), fixed(v.Target, 2), grade(v.Grade)})
	}
	t.Render()
	sources(w, r.Outcomes)
}

// short leaves out the name of this project.
func short(label string) string { return strings.TrimPrefix(label, "dsrudp ") }

func grade(g Grade) string { return grades[g].Sprint(string(g)) }

// sources prints how many replies of this project came from wrong sources, and of
// which servers.
func sources(w io.Writer, outcomes []*run.Outcome) {
	entries, sum, g := 0, 0, Met
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
