//go:build linux

package report

import (
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
)

// The file has numbers by round, null where a window does not count. Replies and
// lost are of the windows; wrong are of all replies, with those that no window
// counts.
type (
	jsonReport struct {
		Machine   machine.Description `json:"machine"`
		Rounds    int                 `json:"rounds"`
		Scenarios []jsonScenario      `json:"scenarios"`
		Floors    []jsonFloor         `json:"floors"`
		Memory    *echo.Memory        `json:"memory,omitempty"`
	}
	jsonScenario struct {
		Name     string      `json:"name"`
		Title    string      `json:"title"`
		Baseline string      `json:"baseline"`
		Limit    string      `json:"limit,omitempty"`
		Entries  []jsonEntry `json:"entries"`
	}
	jsonEntry struct {
		Label        string      `json:"label"`
		Load         load.Load   `json:"load"`
		CPU          []float     `json:"cpu_ns_per_datagram"`
		Rate         []float     `json:"datagrams_per_second"`
		Foreign      []float     `json:"foreign"`
		P50          []float     `json:"p50_ns,omitempty"`
		P99          []float     `json:"p99_ns,omitempty"`
		Replies      int         `json:"replies"`
		All          int         `json:"replies_with_uncounted"`
		WrongSource  int         `json:"wrong_source"`
		WrongPayload int         `json:"wrong_payload"`
		Lost         int         `json:"lost"`
		Allocs       *float      `json:"allocs_per_datagram,omitempty"`
		Stats        *echo.Stats `json:"stats,omitempty"`
	}
	jsonFloor struct {
		Row    string  `json:"row"`
		What   string  `json:"what"`
		Value  float   `json:"value"`
		Lower  float   `json:"lower_quartile"`
		Upper  float   `json:"upper_quartile"`
		Limit  float   `json:"limit"`
		Floor  float64 `json:"floor"`
		Target float64 `json:"target"`
		Grade  string  `json:"grade"`
	}
)

// A float is one that may be NaN, which JSON writes as null.
type float float64

func (n float) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) {
		return []byte("null"), nil
	}
	return json.Marshal(math.Round(float64(n)*1e4) / 1e4)
}

// JSON writes the report.
func JSON(w io.Writer, r *Report) error {
	j := jsonReport{Machine: r.Machine, Rounds: r.Rounds, Memory: r.Memory}
	for _, o := range r.Outcomes {
		s := jsonScenario{Name: o.Scenario.Name, Title: o.Scenario.Title, Baseline: o.Scenario.Baseline, Limit: o.Scenario.Limit}
		for i := range o.Entries {
			s.Entries = append(s.Entries, entryJSON(&o.Entries[i], o.Scenario.Latency()))
		}
		j.Scenarios = append(j.Scenarios, s)
	}
	for _, v := range r.Verdicts {
		j.Floors = append(j.Floors, jsonFloor{
			v.Row, v.String(), float(v.Value.Median), float(v.Value.Lower), float(v.Value.Upper), float(v.Limit.Median),
			v.Floor, v.Target, string(v.Grade),
		})
	}
	return json.NewEncoder(w).Encode(j)
}

func entryJSON(e *run.Entry, latency bool) jsonEntry {
	j := jsonEntry{
		Label: e.Label, Load: e.Load, CPU: series(e, plan.CPU), Rate: series(e, plan.Rate),
		All: e.All.Replies, WrongSource: e.All.WrongSource, WrongPayload: e.All.WrongPayload,
	}
	if latency {
		j.P50, j.P99 = series(e, plan.P50), series(e, plan.P99)
	}
	for _, w := range e.Windows {
		j.Foreign = append(j.Foreign, float(math.Round(w.Foreign*100)/100))
	}
	j.Replies, j.Lost = e.Total()
	if n := e.Allocs(); !math.IsNaN(n) {
		j.Allocs, j.Stats = (*float)(&n), &e.After
	}
	return j
}

// series rounds numbers, none of which is exact to a thousandth.
func series(e *run.Entry, m plan.Metric) []float {
	var s []float
	for _, x := range e.Series(m) {
		s = append(s, float(math.Round(x*10)/10))
	}
	return s
}

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

func bar(p *plot.Plot, y int, s run.Summary, c color.Color) error {
	b, err := plotter.NewBarChart(plotter.Values{s.Median}, 0.4*vg.Centimeter)
	if err != nil {
		return err
	}
	b.Horizontal, b.XMin, b.Color, b.LineStyle.Width = true, float64(y), c, 0
	spread, err := plotter.NewXErrorBars(struct {
		plotter.XYs
		plotter.XErrors
	}{
		plotter.XYs{{X: s.Median, Y: float64(y)}},
		plotter.XErrors{{Low: s.Median - s.Lower, High: s.Upper - s.Median}},
	})
	if err != nil {
		return err
	}
	p.Add(b, spread)
	return nil
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
