//go:build linux

// Package report tells results: in tables, in JSON, and in charts.
package report

import (
	"fmt"
	"io"
	"math"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/stat"
)

var heading = text.Colors{text.Bold}

// newTable returns a table in this package's style. Columns but the first hold
// numbers.
func newTable(w io.Writer, header ...any) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleDefault)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Options = table.Options{SeparateHeader: true}
	t.Style().Box.PaddingLeft, t.Style().Box.PaddingRight = " ", " "
	t.AppendHeader(header)
	return t
}

// number makes the columns from the first-th on hold numbers.
func number(t table.Writer, first, last int) {
	var cs []table.ColumnConfig
	for i := first; i <= last; i++ {
		cs = append(cs, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(cs)
}

func rounds(n int) string {
	if n == 1 {
		return "1 round"
	}
	return fmt.Sprintf("%d rounds", n)
}

// Scenario prints what came of a scenario: ratios over the baseline and over C,
// each the median over the rounds with the quartiles behind it.
func Scenario(w io.Writer, o *run.Outcome) {
	s := o.Scenario
	fmt.Fprintf(w, "\n%s  (%s, %s)\n", heading.Sprint(s.Title), s.Name, rounds(o.Rounds()))
	base, limit := o.Entry(s.Baseline), o.Entry(s.Limit)
	header := []any{"server", "CPU / A", "quartiles", "CPU / C", "ns CPU", "kpps"}
	if s.Latency() {
		header = append(header, "p50 / A", "p50 µs", "p99 µs")
	}
	header = append(header, "allocs", "wrong source", "lost")
	t := newTable(w, header...)
	number(t, 2, len(header))
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
		row = append(row, allocs(e), wrong(e), lost(e))
		t.AppendRow(row)
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

// spread tells the quartiles.
func spread(s stat.Summary) string {
	if s.N == 0 {
		return ""
	}
	return fmt.Sprintf("%.3f–%.3f", s.Lower, s.Upper)
}

func allocs(e *run.Entry) string {
	n, _, ok := e.Allocs()
	if !ok {
		return ""
	}
	return fmt.Sprintf("%.2f", n)
}

// wrong tells the replies from a wrong source, and what part of all they are.
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

// percent tells what part of all some are, and never that few are none or that
// many are all.
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
