//go:build linux

package report

import (
	"encoding/json"
	"io"
	"math"

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
		Checks    []jsonCheck         `json:"checks"`
		Memory    *echo.Memory        `json:"memory,omitempty"`
	}
	jsonScenario struct {
		Name     string      `json:"name"`
		Title    string      `json:"title"`
		Layout   string      `json:"layout"`
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
		Worst        []float     `json:"worst_ns,omitempty"`
		Replies      int         `json:"replies"`
		All          int         `json:"replies_with_uncounted"`
		WrongSource  int         `json:"wrong_source"`
		WrongPayload int         `json:"wrong_payload"`
		Lost         int         `json:"lost"`
		Allocs       *float      `json:"allocs_per_datagram,omitempty"`
		Stats        *echo.Stats `json:"stats,omitempty"`
	}
	jsonCheck struct {
		Row    string  `json:"row"`
		Layout string  `json:"layout"`
		What   string  `json:"what"`
		Value  float   `json:"value"`
		Lower  float   `json:"lower_quartile"`
		Upper  float   `json:"upper_quartile"`
		C      float   `json:"c"`
		Must   float64 `json:"must"`
		Goal   float64 `json:"goal"`
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
		p := o.Scenario
		s := jsonScenario{Name: p.Name, Title: p.Title, Layout: string(p.Layout), Baseline: p.Baseline, Limit: p.Limit}
		for i := range o.Entries {
			s.Entries = append(s.Entries, entryJSON(&o.Entries[i], p))
		}
		j.Scenarios = append(j.Scenarios, s)
	}
	for _, v := range r.Verdicts {
		j.Checks = append(j.Checks, jsonCheck{
			v.Row, string(v.Layout), v.String(), float(v.Value.Median), float(v.Value.Lower), float(v.Value.Upper), float(v.C.Median),
			v.Must, v.Goal, string(v.Grade),
		})
	}
	return json.NewEncoder(w).Encode(j)
}

func entryJSON(e *run.Entry, s plan.Scenario) jsonEntry {
	j := jsonEntry{
		Label: e.Label, Load: e.Load, CPU: series(e, plan.CPU), Rate: series(e, plan.Rate),
		All: e.All.Replies, WrongSource: e.All.WrongSource, WrongPayload: e.All.WrongPayload,
	}
	if s.Latency() || s.Probes() {
		j.P50, j.P99 = series(e, plan.P50), series(e, plan.P99)
	}
	if s.Probes() {
		j.Worst = series(e, plan.Worst)
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
