//go:build linux

package report_test

import (
	"encoding/json"
	"io"
	"math"
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
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/report"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
)

const ours = "dsrudp AddrPort"

// entry returns an entry that took cpu for each of 100 datagrams in each round.
func entry(s plan.Server, cpu ...time.Duration) run.Entry {
	e := run.Entry{Entry: plan.Entry{Label: s.Name, Server: s, Load: load.Load{VIPs: 8, Size: 64, Latency: true}}, Datagrams: 100 * len(cpu)}
	for _, c := range cpu {
		e.Windows = append(e.Windows, run.Window{Result: load.Result{
			Tally: load.Tally{Replies: 100}, CPU: 100 * c, Elapsed: 1000 * c, P50: 20 * time.Microsecond, P99: 90 * time.Microsecond,
		}})
	}
	return e
}

// made returns a report with an outcome of two rounds, the second of which was
// disturbed for the server in C.
func made() *report.Report {
	a, c, o := entry(plan.Server{Name: plan.A, Wrong: true}, 1000, 2000), entry(plan.Server{Name: plan.C, C: []string{"recvmmsg"}}, 700, 9999), entry(plan.Server{Name: ours}, 500, 700)
	a.All = load.Tally{Replies: 250, WrongSource: 250}
	c.Windows[1].Disturbed = true
	o.Windows[1].Lost, o.All.Replies = 3, 250
	o.After = echo.Stats{Mallocs: 200, PathEntries: 1000, PathBytes: 34_000}
	scenario := plan.Scenario{Name: "one", Title: "One in flight", Baseline: plan.A, Limit: plan.C, Entries: []plan.Entry{a.Entry, c.Entry, o.Entry}}
	r := &report.Report{
		Machine: machine.Description{CPU: "A CPU", CPUs: 2, Kernel: "Linux 6.18", Go: "go1.26", Arch: "amd64"},
		Rounds:  2, Outcomes: []*run.Outcome{{Scenario: scenario, Entries: []run.Entry{a, c, o}}}, Memory: &echo.Memory{Conn: 3000, Reader: 70_000},
	}
	r.Verdicts = report.Judge([]plan.Check{
		{Row: "a row", Scenario: "one", Metric: plan.CPU, Of: ours, Over: plan.A, Floor: .65, Target: .4},
		{Row: "a row", Scenario: "one", Metric: plan.P50, Of: ours, Over: plan.A, Floor: .65, Target: .54},
		{Row: "another", Scenario: "two", Metric: plan.Elapsed, Of: "x", Over: "y", Floor: 1.11, Target: 1},
	}, r.Outcomes)
	return r
}

// squeezed returns what print prints, with single spaces and no colours.
func squeezed(print func(w io.Writer)) string {
	text.DisableColors()
	var b strings.Builder
	print(&b)
	var lines []string
	for line := range strings.Lines(b.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestJudge(t *testing.T) {
	nan := math.NaN()
	server := func(name string) plan.Server { return plan.Server{Name: name} }
	o := &run.Outcome{
		Scenario: plan.Scenario{Name: "s", Limit: "C"},
		Entries: []run.Entry{
			entry(server("dsrudp X"), 8, 16, 24), entry(server("dsrudp Y"), 10, 20, 30), entry(server("net"), 10, 20, 30),
			entry(server("C"), 6, 12, 18), entry(server("C2"), 3, 6, 9), entry(server("silent")),
			entry(plan.Server{Name: "mute", C: []string{"recvmsg"}}, 1),
		},
	}
	o.Entries[0].Before.Mallocs, o.Entries[0].After.Mallocs = 20, 320
	for name, test := range map[string]struct {
		c            plan.Check
		value, limit float64
		grade        report.Grade
	}{
		"met":                {plan.Check{Of: "dsrudp X", Over: "net", Floor: .9, Target: .85}, .8, .6, report.Met},
		"only the floor":     {plan.Check{Of: "dsrudp X", Over: "net", Floor: .9, Target: .7}, .8, .6, report.Floor},
		"missed":             {plan.Check{Of: "dsrudp X", Over: "net", Floor: .75, Target: .7}, .8, .6, report.Missed},
		"over ours":          {plan.Check{Of: "dsrudp X", Over: "dsrudp Y", Floor: 1, Target: 1}, .8, nan, report.Met},
		"over the limit":     {plan.Check{Of: "dsrudp X", Over: "C", Floor: 1, Target: 1}, 8. / 6, nan, report.Missed},
		"a gain":             {plan.Check{Metric: plan.Elapsed, Of: "dsrudp X", Over: "net", GainOf: "C2", GainOver: "C", Floor: 1.6, Target: 1}, 1.6, nan, report.Floor},
		"allocations":        {plan.Check{Metric: plan.Allocs, Of: "dsrudp X", Floor: .5, Target: .05}, 1, nan, report.Missed},
		"allocations in C":   {plan.Check{Metric: plan.Allocs, Of: "mute", Floor: .5, Target: .05}, nan, nan, report.Unknown},
		"no windows":         {plan.Check{Of: "dsrudp X", Over: "silent", Floor: 1, Target: 1}, nan, nan, report.Unknown},
		"no entry":           {plan.Check{Of: "dsrudp X", Over: "absent", Floor: 1, Target: 1}, nan, nan, report.Unknown},
		"of another outcome": {plan.Check{Scenario: "absent", Of: "dsrudp X", Over: "net", Floor: 1, Target: 1}, nan, nan, report.Unknown},
	} {
		c := test.c
		if c.Metric == "" {
			c.Metric = plan.CPU
		}
		if c.Scenario == "" {
			c.Scenario = "s"
		}
		v := report.Judge([]plan.Check{c}, []*run.Outcome{o})[0]
		require.Equal(t, test.grade, v.Grade, name)
		for _, x := range [][2]float64{{test.value, v.Value.Median}, {test.limit, v.Limit.Median}} {
			if math.IsNaN(x[0]) {
				require.True(t, math.IsNaN(x[1]), name)
			} else {
				require.InDelta(t, x[0], x[1], 1e-9, name)
			}
		}
		r := report.Report{Verdicts: []report.Verdict{v}}
		require.Equal(t, test.grade == report.Missed, r.Failed(), name)
	}
}

// TestSettled: a check is not settled when its median is near its floor on either side.
func TestSettled(t *testing.T) {
	o := &run.Outcome{Scenario: plan.Scenario{Name: "s"}, Entries: []run.Entry{
		entry(plan.Server{Name: "x"}, 8, 9, 7, 8, 8, 9, 7, 8), entry(plan.Server{Name: "net"}, 10, 10, 10, 10, 10, 10, 10, 10),
	}}
	for floor, settled := range map[float64]bool{1: true, .85: false, .8: false, .75: false, .6: true} {
		c := plan.Check{Scenario: "s", Metric: plan.CPU, Of: "x", Over: "net", Floor: floor, Target: .5}
		require.Equal(t, settled, report.Settled([]plan.Check{c}, o), floor)
		other, absent := c, c
		other.Scenario, absent.Of = "another", "C"
		require.True(t, report.Settled([]plan.Check{other, absent}, o))
	}
}

func TestScenario(t *testing.T) {
	r := made()
	table := func() string {
		return squeezed(func(w io.Writer) { report.Scenario(w, r.Outcomes[0]) })
	}
	s := table()
	require.Contains(t, s, "One in flight (one, 2 rounds)\n")
	require.Contains(t, s, "server CPU / A quartiles CPU / C ns CPU kpps p50 / A p50 µs p99 µs allocs wrong source lost")
	require.Contains(t, s, "net AddrPort 1.000 1.000–1.000 1.429 1500 75.0 1.000 20.0 90.0 0.00 250 (100%)", "wrong sources are of all replies")
	require.Contains(t, s, "C recvmmsg 0.700 0.700–0.700 1.000 700 142.9", "the disturbed round does not count")
	require.Contains(t, s, "dsrudp AddrPort 0.425 0.387–0.463 0.714 600 171.4 1.000 20.0 90.0 1.00 0 3")
	require.Contains(t, s, "A is net AddrPort, C is C recvmmsg")

	// A few of many are not shown as none, nor nearly all as all.
	for all, says := range map[load.Tally]string{
		{Replies: 1000, WrongSource: 1}:                     " 1 (<1%)",
		{Replies: 1000, WrongSource: 500, WrongPayload: 20}: " 500 (50%) + 20 no echoes",
		{Replies: 1000, WrongSource: 999}:                   " 999 (>99%)",
	} {
		r.Outcomes[0].Entries[2].All = all
		require.Contains(t, table(), says)
	}
}

func TestSummary(t *testing.T) {
	r := made()
	summary := func() string { return squeezed(func(w io.Writer) { report.Summary(w, r) }) }
	s := summary()
	require.Contains(t, s, "a Conn: 3000 bytes; serving it adds 70000 bytes")
	require.Contains(t, s, "path memory, dsrudp AddrPort: 34000 bytes for 1000 clients, 34.0 each")
	require.NotContains(t, s, "stopping")
	require.Contains(t, s, "what of over ratio quartiles C's floor target")
	require.Contains(t, s, "a row AddrPort net AddrPort 0.425 0.387–0.463 0.700 0.65 0.40 floor met")
	require.Contains(t, s, "\nAddrPort: p50 net AddrPort 1.000 1.000–1.000 1.000 0.65 0.54 MISSED", "its row is not named again")
	require.Contains(t, s, "another x: elapsed y 1.11 1.00 not measured")
	require.Contains(t, s, "wrong sources of this project's servers: 0, in 1 rows: met")

	e := &r.Outcomes[0].Entries[0]
	e.Server.Go.CollectGarbage = true
	e.After.Stops = echo.Stops{N: 50, P50: 300, P90: 120 * time.Microsecond, P99: 2 * time.Millisecond}
	require.Contains(t, summary(), "stopping net AddrPort for the garbage collector, 50 times: median 300ns, 90th percentile 120µs, 99th 2ms")
}

// TestWrongSourceFails: of all replies, also of those that no window has; net's are
// expected.
func TestWrongSourceFails(t *testing.T) {
	r := made()
	r.Verdicts = nil
	require.False(t, r.Failed())
	for _, all := range []load.Tally{{Replies: 3000, WrongSource: 5}, {Replies: 3000, WrongPayload: 5}} {
		r.Outcomes[0].Entries[2].All = all
		require.True(t, r.Failed())
		s := squeezed(func(w io.Writer) { report.Summary(w, r) })
		require.Contains(t, s, "one: 5 replies from a wrong source: dsrudp AddrPort")
		require.Contains(t, s, "wrong sources of this project's servers: 5, in 1 rows: MISSED")
	}
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
	require.Nil(t, es[1].Allocs, "not known of C")
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
	for _, s := range []string{"<svg", "One in flight", ours, "C recvmmsg", "Linux 6.18", "A CPU", "net AddrPort = 1; red: wrong source"} {
		require.Contains(t, string(svg), s)
	}
	require.Error(t, report.Charts(filepath.Join(dir, "one.svg"), made()), "a file is in the way")
}
