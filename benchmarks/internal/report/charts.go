//go:build linux

package report

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"math"
	"os"
	"path/filepath"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
)

// The text of a chart is placed without knowing how wide it is, as the font is the
// viewer's.
//
//go:embed chart.svg
var chartSVG string

var chartTemplate = template.Must(template.New("chart").Parse(chartSVG))

// A chart has a bar for each entry, the first on top, with its value behind it and the
// quartiles as a line across its end. Lengths are in pixels.
type (
	chart struct {
		Title, Says, Machine         string
		One, Height, Bottom, Caption int // One is where a ratio of 1 ends
		Bars                         []bar
	}
	bar struct {
		Label, Class, Value        string // Value is empty if it was not measured
		Top, Middle, Text          int
		Width, Lower, Upper, After int
	}
)

// Charts writes a chart of each scenario to a directory, as SVG; not of probes, which
// are not about CPU time.
func Charts(dir string, r *Report) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, o := range r.Outcomes {
		if o.Scenario.Probes() {
			continue
		}
		f, err := os.Create(filepath.Join(dir, o.Scenario.Name+".svg"))
		if err != nil {
			return err
		}
		if err := errors.Join(chartTemplate.Execute(f, newChart(r, o)), f.Close()); err != nil {
			return fmt.Errorf("chart of %s: %w", o.Scenario.Name, err)
		}
	}
	return nil
}

func newChart(r *Report, o *run.Outcome) chart {
	const left, widest, top, row = 290, 540, 72, 24
	s := o.Scenario
	bottom := top + row*len(o.Entries)
	c := chart{
		Title: fmt.Sprintf("%s (layout %s)", s.Title, s.Layout), Machine: r.Machine.String(),
		Says:   fmt.Sprintf("CPU time of the server per datagram, %s = 1; median and quartiles.", s.Baseline),
		Bottom: bottom, Caption: bottom + 20, Height: bottom + 50,
	}
	longest := 1.0
	ratios := make([]run.Summary, len(o.Entries))
	for i := range o.Entries {
		ratios[i] = o.Entries[i].Ratio(plan.CPU, o.Entry(s.Baseline))
		if ratios[i].N > 0 {
			longest = max(longest, ratios[i].Upper)
		}
	}
	at := func(x float64) int { return left + int(math.Round(x/longest*widest)) }
	c.One = at(1)
	for i, ratio := range ratios {
		e := &o.Entries[i]
		y := top + row*i
		b := bar{Label: e.Label, Class: "other", Top: y, Middle: y + 7, Text: y + 11}
		switch {
		case e.All.WrongSource > 0:
			b.Class = "wrong"
		case e.Server.Ours():
			b.Class = "ours"
		}
		if ratio.N > 0 {
			b.Value = fixed(ratio.Median, 2)
			b.Width, b.Lower, b.Upper, b.After = at(ratio.Median)-left, at(ratio.Lower), at(ratio.Upper), at(max(ratio.Upper, ratio.Median))+8
		}
		c.Bars = append(c.Bars, b)
	}
	return c
}
