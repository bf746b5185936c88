//go:build linux

package report

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/stat"
)

// The colours of bars: of this project, of servers that answer from a wrong
// source, and of the others.
var (
	ours   = color.RGBA{R: 0x1a, G: 0x7f, B: 0x37, A: 0xff}
	faulty = color.RGBA{R: 0xcf, G: 0x22, B: 0x2e, A: 0xff}
	others = color.RGBA{R: 0x6e, G: 0x77, B: 0x81, A: 0xff}
)

// Charts writes a chart of each scenario to a directory, as SVG.
func Charts(dir string, r *Report) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, o := range r.Outcomes {
		if err := chart(filepath.Join(dir, o.Scenario.Name+".svg"), r, o); err != nil {
			return fmt.Errorf("chart of %s: %w", o.Scenario.Name, err)
		}
	}
	return nil
}

// chart draws a bar for each entry, the first on top, with the quartiles as a
// line across its end.
func chart(file string, r *Report, o *run.Outcome) error {
	p := plot.New()
	p.Title.Text = o.Scenario.Title
	p.Title.Padding = 0.3 * vg.Centimeter
	p.X.Label.Text = fmt.Sprintf("CPU time per datagram, %s = 1; red: wrong source\n%v", o.Scenario.Baseline, r.Machine)
	p.X.Min = 0
	// A viewer that lacks the font takes another one, and a label's place was
	// computed from its width, which differs least among these.
	p.Y.Tick.Label.Font.Variant = "Mono"
	p.Y.Tick.Label.Font.Size = vg.Points(9)
	p.X.Label.TextStyle.Font.Size = vg.Points(9)
	base := o.Entry(o.Scenario.Baseline)
	names := make([]string, len(o.Entries))
	for i := range o.Entries {
		e := &o.Entries[i]
		y := len(o.Entries) - 1 - i
		names[y] = e.Label
		s := e.Ratio(plan.CPU, base)
		if math.IsNaN(s.Median) {
			continue
		}
		if err := bar(p, y, s, colourOf(e)); err != nil {
			return err
		}
	}
	p.NominalY(names...)
	p.X.Max *= 1.04 // room for the last number
	return p.Save(22*vg.Centimeter, vg.Length(len(names)+5)*0.7*vg.Centimeter, file)
}

func bar(p *plot.Plot, y int, s stat.Summary, c color.Color) error {
	b, err := plotter.NewBarChart(plotter.Values{s.Median}, 0.4*vg.Centimeter)
	if err != nil {
		return err
	}
	b.Horizontal, b.XMin, b.Color, b.LineStyle.Width = true, float64(y), c, 0
	spread, err := plotter.NewXErrorBars(errorBar{
		plotter.XYs{{X: s.Median, Y: float64(y)}},
		plotter.XErrors{{Low: s.Median - s.Lower, High: s.Upper - s.Median}},
	})
	if err != nil {
		return err
	}
	p.Add(b, spread)
	return nil
}

// errorBar is a point and how far to both sides of it the quartiles are.
type errorBar struct {
	plotter.XYs
	plotter.XErrors
}

func colourOf(e *run.Entry) color.Color {
	switch {
	case e.All.WrongSource > 0:
		return faulty
	case e.Server.Ours():
		return ours
	default:
		return others
	}
}
