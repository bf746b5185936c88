//go:build linux

package report_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/memory"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/report"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/verdict"
)

// window is one of 100 replies.
func window(cpu time.Duration) run.Window {
	return run.Window{Result: load.Result{
		Tally: load.Tally{Replies: 100}, CPU: 100 * cpu, Elapsed: time.Millisecond,
		P50: 20 * time.Microsecond, P99: 90 * time.Microsecond,
	}}
}

// made returns a report with an outcome of two rounds, the second of which was
// disturbed for the server in C.
func made() *report.Report {
	l := load.Load{VIPs: 8, Size: 64, Latency: true}
	entry := func(s plan.Server) plan.Entry { return plan.Entry{Label: s.Name, Server: s, Load: l} }
	lost := window(700)
	lost.Lost = 3
	disturbed := window(9999)
	disturbed.Disturbed = true
	o := &run.Outcome{
		Scenario: plan.Scenario{Name: "one", Title: "One in flight", Baseline: plan.A, Limit: plan.C},
		Entries: []run.Entry{
			{Entry: entry(plan.Server{Name: plan.A, Wrong: true}), Windows: []run.Window{window(1000), window(2000)}, Datagrams: 220, All: load.Tally{Replies: 250, WrongSource: 250}},
			{Entry: entry(plan.Server{Name: plan.C, C: []string{"recvmmsg"}}), Windows: []run.Window{window(700), disturbed}, Datagrams: 200},
			{
				Entry: entry(plan.Server{Name: "dsrudp AddrPort"}), Windows: []run.Window{window(500), lost}, Datagrams: 200, All: load.Tally{Replies: 250},
				After: echo.Stats{Mallocs: 200, PathEntries: 1000, PathBytes: 34_000},
			},
		},
	}
	for _, e := range o.Entries {
		o.Scenario.Entries = append(o.Scenario.Entries, e.Entry)
	}
	r := &report.Report{
		Machine: machine.Description{CPU: "A CPU", CPUs: 2, Kernel: "Linux 6.18", Go: "go1.26", Arch: "amd64"},
		Rounds:  2, Outcomes: []*run.Outcome{o}, Memory: &memory.Result{Conn: 3000, Reader: 70_000},
	}
	checks := []plan.Check{
		{Row: "a row", Scenario: "one", Metric: plan.CPU, Of: "dsrudp AddrPort", Over: plan.A, Floor: .65, Target: .4},
		{Row: "a row", Scenario: "one", Metric: plan.P50, Of: "dsrudp AddrPort", Over: plan.A, Floor: .65, Target: .54},
		{Row: "another", Scenario: "two", Metric: plan.Rate, Of: "x", Over: "y", Floor: .9, Target: 1, AtLeast: true},
	}
	r.Verdicts = verdict.Of(checks, r.Outcomes)
	return r
}

// squeezed returns what print prints, with single spaces and no colours.
func squeezed(print func(w *strings.Builder)) string {
	text.DisableColors()
	var b strings.Builder
	print(&b)
	var lines []string
	for line := range strings.Lines(b.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestScenario(t *testing.T) {
	s := squeezed(func(w *strings.Builder) { report.Scenario(w, made().Outcomes[0]) })
	require.Contains(t, s, "One in flight (one, 2 rounds)\n")
	require.Contains(t, s, "server CPU / A quartiles CPU / C ns CPU kpps p50 / A p50 µs p99 µs allocs wrong source lost")
	require.Contains(t, s, "net AddrPort 1.000 1.000–1.000 1.429 1500 100.0 1.000 20.0 90.0 0.00 250 (100%)", "wrong sources are of all replies")
	require.Contains(t, s, "C recvmmsg 0.700 0.700–0.700 1.000 700 100.0", "the disturbed round does not count")
	require.Contains(t, s, "dsrudp AddrPort 0.425 0.387–0.463 0.714 600 100.0 1.000 20.0 90.0 1.00 0 3")
	require.Contains(t, s, "A is net AddrPort, C is C recvmmsg")
}

func TestFloors(t *testing.T) {
	s := squeezed(func(w *strings.Builder) { report.Floors(w, made().Verdicts, made().Outcomes) })
	require.Contains(t, s, "what of over ratio quartiles C's floor target")
	require.Contains(t, s, "a row AddrPort net AddrPort 0.425 0.387–0.463 0.700 0.65 0.40 floor met")
	require.Contains(t, s, "\nAddrPort: p50 net AddrPort 1.000 1.000–1.000 1.000 0.65 0.54 MISSED", "its row is not named again")
	require.Contains(t, s, "another x: rate y ≥ 0.90 ≥ 1.00 not measured")
	require.Contains(t, s, "wrong sources of this project's servers: 0, in 1 rows: met")
	require.NotContains(t, s, "grouping", "nothing was saturated")
}

// TestFloorsTellGrouping: how much of what saturated servers gain is grouping.
func TestFloorsTellGrouping(t *testing.T) {
	r := made()
	o := r.Outcomes[0]
	o.Scenario.Name = "saturated"
	floors := func() string {
		return squeezed(func(w *strings.Builder) { report.Floors(w, nil, r.Outcomes) })
	}
	require.NotContains(t, floors(), "grouping", "it was not measured without")
	o.Entries[2].Label = "dsrudp Server, no grouping"
	note := "\nsaturated: Server and ReadPackets send as one what a batch has for each path, also with others' between, which C does not." +
		"\nWithout grouping Server took 0.425 of net AddrPort in the same run (quartiles 0.387–0.463)"
	require.Contains(t, floors(), note+"; C recvmmsg took 0.700.\n")
	o.Entries[1].Windows = o.Entries[1].Windows[1:]
	require.Contains(t, floors(), note+".\n", "C was disturbed")
	o.Entries = []run.Entry{o.Entries[0], o.Entries[2]}
	require.Contains(t, floors(), note+".\n", "there is no compiler")
	o.Entries[1].Windows = nil
	require.NotContains(t, floors(), "grouping")
}

func TestFloorsTellWrongSources(t *testing.T) {
	r := made()
	r.Outcomes[0].Entries[2].All.WrongSource = 5
	s := squeezed(func(w *strings.Builder) { report.Floors(w, verdict.Of(nil, r.Outcomes), r.Outcomes) })
	require.Contains(t, s, "one: 5 replies from a wrong source: dsrudp AddrPort")
	require.Contains(t, s, "wrong sources of this project's servers: 5, in 1 rows: MISSED")
}

// TestFewWrongSources: a few of many are not said to be none, nor nearly all to be
// all.
func TestFewWrongSources(t *testing.T) {
	r := made()
	for all, says := range map[load.Tally]string{
		{Replies: 1000, WrongSource: 1}:                     " 1 (<1%)",
		{Replies: 1000, WrongSource: 500, WrongPayload: 20}: " 500 (50%) + 20 no echoes",
		{Replies: 1000, WrongSource: 999}:                   " 999 (>99%)",
	} {
		r.Outcomes[0].Entries[2].All = all
		s := squeezed(func(w *strings.Builder) { report.Scenario(w, r.Outcomes[0]) })
		require.Contains(t, s, says)
	}
}

func TestMemory(t *testing.T) {
	r := made()
	s := squeezed(func(w *strings.Builder) { report.Memory(w, r.Memory, r.Outcomes) })
	require.Contains(t, s, "a Conn: 3000 bytes; serving it adds 70000 bytes")
	require.Contains(t, s, "path memory, dsrudp AddrPort: 34000 bytes for 1000 clients, 34.0 each")
}

func TestStops(t *testing.T) {
	r := made()
	e := &r.Outcomes[0].Entries[0]
	require.Empty(t, squeezed(func(w *strings.Builder) { report.Stops(w, r.Outcomes) }))
	e.Server.Go.CollectGarbage = true
	e.After.Stops = echo.Stops{N: 50, P50: 300, P90: 120 * time.Microsecond, P99: 2 * time.Millisecond}
	s := squeezed(func(w *strings.Builder) { report.Stops(w, r.Outcomes) })
	require.Contains(t, s, "stopping net AddrPort for the garbage collector, 50 times: median 300ns, 90th percentile 120µs, 99th 2ms")
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	require.NoError(t, report.JSON(&b, made()))
	var j struct {
		Machine   struct{ Kernel, CPU string }
		Rounds    int
		Scenarios []struct {
			Name    string
			Entries []struct {
				Label       string
				CPU         []*float64 `json:"cpu_ns_per_datagram"`
				P50         []*float64 `json:"p50_ns"`
				Replies     int
				All         int      `json:"replies_with_uncounted"`
				WrongSource int      `json:"wrong_source"`
				Allocs      *float64 `json:"allocs_per_datagram"`
			}
		}
		Floors []struct {
			Row, Grade string
			Value      *float64
			Limit      *float64
		}
		Memory struct {
			Conn int `json:"conn_bytes"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(b.String()), &j))
	require.Equal(t, "Linux 6.18", j.Machine.Kernel)
	require.Equal(t, "A CPU", j.Machine.CPU)
	require.Equal(t, 2, j.Rounds)
	require.Equal(t, 3000, j.Memory.Conn)
	es := j.Scenarios[0].Entries
	require.Len(t, es, 3)
	require.Equal(t, 200, es[0].Replies)
	require.Equal(t, 250, es[0].All)
	require.Equal(t, 250, es[0].WrongSource)
	require.Equal(t, 700.0, *es[1].CPU[0])
	require.Nil(t, es[1].CPU[1], "disturbed")
	require.Nil(t, es[1].Allocs, "C does not say")
	require.Equal(t, 1.0, *es[2].Allocs)
	require.Equal(t, 20_000.0, *es[2].P50[1])
	require.Equal(t, "floor met", j.Floors[0].Grade)
	require.Equal(t, .7, *j.Floors[0].Limit)
	require.Nil(t, j.Floors[2].Value, "not measured")
	require.Nil(t, j.Floors[2].Limit)
}

func TestCharts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "charts")
	require.NoError(t, report.Charts(dir, made()))
	svg, err := os.ReadFile(filepath.Join(dir, "one.svg"))
	require.NoError(t, err)
	for _, s := range []string{"<svg", "One in flight", "dsrudp AddrPort", "C recvmmsg", "Linux 6.18", "A CPU", "net AddrPort = 1; red: wrong source"} {
		require.Contains(t, string(svg), s)
	}
	require.Error(t, report.Charts(filepath.Join(dir, "one.svg"), made()), "a file is in the way")
}
