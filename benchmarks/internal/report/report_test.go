//go:build linux

package report_test

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
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
		}, Worst: 20 * c})
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
	scenario := plan.Scenario{Name: "one", Title: "One in flight", Layout: plan.Shared, Baseline: plan.A, Limit: plan.C, Entries: []plan.Entry{a.Entry, c.Entry, o.Entry}}
	r := &report.Report{
		Machine: machine.Description{CPU: "A CPU", CPUs: 2, Kernel: "Linux 6.18", Go: "go1.26", Arch: "amd64"},
		Rounds:  2, Outcomes: []*run.Outcome{{Scenario: scenario, Entries: []run.Entry{a, c, o}}}, Memory: &echo.Memory{Conn: 3000, Reader: 70_000},
	}
	r.Verdicts = report.Judge([]plan.Check{
		{Row: "a row", Scenario: "one", Layout: plan.Shared, Metric: plan.CPU, Of: ours, Over: plan.A, Must: .65, Goal: .4, COf: plan.C, COver: plan.A},
		{Row: "a row", Scenario: "one", Layout: plan.Shared, Metric: plan.P50, Of: ours, Over: plan.A, Must: .65, Goal: .54},
		{Row: "another", Scenario: "two", Layout: plan.Apart, Metric: plan.P99, Of: "x", Over: "y", Must: 1.11, Goal: 1},
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

// TestT49_Judge: a table of made-up results and their verdicts.
func TestT49_Judge(t *testing.T) {
	nan := math.NaN()
	server := func(name string) plan.Server { return plan.Server{Name: name} }
	o := &run.Outcome{
		Scenario: plan.Scenario{Name: "s"},
		Entries: []run.Entry{
			entry(server("dsrudp X"), 8, 16, 24, 32, 40), entry(server("dsrudp Y"), 8, 30, 24, 20, 55), entry(server("net"), 10, 20, 30, 40, 50),
			entry(server("C"), 6, 12, 18, 24, 30), entry(server("silent")),
			entry(plan.Server{Name: "mute", C: []string{"recvmsg"}}, 1),
		},
	}
	o.Entries[0].Before.Mallocs, o.Entries[0].After.Mallocs = 20, 520
	for name, test := range map[string]struct {
		c        plan.Check
		value, C float64
		grade    report.Grade
	}{
		"goal":               {plan.Check{Of: "dsrudp X", Over: "net", Must: .9, Goal: .85}, .8, nan, report.Goal},
		"must":               {plan.Check{Of: "dsrudp X", Over: "net", Must: .8, Goal: .7}, .8, nan, report.Must},
		"missed":             {plan.Check{Of: "dsrudp X", Over: "net", Must: .75, Goal: .7}, .8, nan, report.Missed},
		"missed, not by C":   {plan.Check{Of: "dsrudp X", Over: "net", Must: .75, Goal: .5, COf: "C", COver: "net"}, .8, .6, report.Missed},
		"missed by C too":    {plan.Check{Of: "dsrudp X", Over: "net", Must: .55, Goal: .5, COf: "C", COver: "net"}, .8, .6, report.NorC},
		"C is not there":     {plan.Check{Of: "dsrudp X", Over: "net", Must: .55, Goal: .5, COf: "absent", COver: "net"}, .8, nan, report.Missed},
		"over C":             {plan.Check{Of: "dsrudp X", Over: "C", Must: 1, Goal: 1}, 8. / 6, nan, report.Missed},
		"above, by little":   {plan.Check{Of: "dsrudp Y", Over: "net", Must: .75, Goal: .5}, .8, nan, report.Unclear},
		"below, by little":   {plan.Check{Of: "dsrudp Y", Over: "net", Must: .85, Goal: .5}, .8, nan, report.Must},
		"the worst":          {plan.Check{Metric: plan.Worst, Of: "dsrudp X", Over: "net", Must: 1.5, Goal: 1}, .8, nan, report.Goal},
		"allocations":        {plan.Check{Metric: plan.Allocs, Of: "dsrudp X", Must: .5, Goal: .05}, 1, nan, report.Missed},
		"allocations in C":   {plan.Check{Metric: plan.Allocs, Of: "mute", Must: .5, Goal: .05}, nan, nan, report.Unknown},
		"no windows":         {plan.Check{Of: "dsrudp X", Over: "silent", Must: 1, Goal: 1}, nan, nan, report.Unknown},
		"no entry":           {plan.Check{Of: "dsrudp X", Over: "absent", Must: 1, Goal: 1}, nan, nan, report.Unknown},
		"of another outcome": {plan.Check{Scenario: "absent", Of: "dsrudp X", Over: "net", Must: 1, Goal: 1}, nan, nan, report.Unknown},
	} {
		c := test.c
		c.Metric, c.Scenario = cmp.Or(c.Metric, plan.CPU), cmp.Or(c.Scenario, "s")
		v := report.Judge([]plan.Check{c}, []*run.Outcome{o})[0]
		require.Equal(t, test.grade, v.Grade, name)
		for _, x := range [][2]float64{{test.value, v.Value.Median}, {test.C, v.C.Median}} {
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

// TestSettled: a check is not settled when its median is near its bound on either side.
func TestSettled(t *testing.T) {
	o := &run.Outcome{Scenario: plan.Scenario{Name: "s"}, Entries: []run.Entry{
		entry(plan.Server{Name: "x"}, 8, 9, 7, 8, 8, 9, 7, 8), entry(plan.Server{Name: "net"}, 10, 10, 10, 10, 10, 10, 10, 10),
	}}
	for must, settled := range map[float64]bool{1: true, .85: false, .8: false, .75: false, .6: true} {
		c := plan.Check{Scenario: "s", Metric: plan.CPU, Of: "x", Over: "net", Must: must, Goal: .5}
		require.Equal(t, settled, report.Settled([]plan.Check{c}, o), must)
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
	require.Contains(t, s, "One in flight (one, layout shared, 2 rounds)\n")
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
	require.Contains(t, s, "what scenario of over ratio quartiles C's must goal")
	require.Contains(t, s, "a row (shared) one AddrPort net AddrPort 0.425 0.387–0.463 0.700 0.65 0.40 met")
	require.Contains(t, s, "\none AddrPort: p50 net AddrPort 1.000 1.000–1.000 0.65 0.54 MISSED", "its row is not named again")
	require.Contains(t, s, "1 more are of scenarios that were not run")
	require.Contains(t, s, "wrong sources of this project's servers: 0, in 1 rows: met")
	require.NotContains(t, s, "both layouts")
}

// TestT52_BothLayouts: a server that ran in both has both costs in one cell.
func TestT52_BothLayouts(t *testing.T) {
	r := made()
	apart := *r.Outcomes[0]
	apart.Scenario.Name, apart.Scenario.Layout = "one"+plan.ApartSuffix, plan.Apart
	apart.Entries = []run.Entry{entry(plan.Server{Name: plan.A}, 1000, 1000), entry(plan.Server{Name: ours}, 900, 900), entry(plan.Server{Name: "alone"}, 1, 1)}
	r.Outcomes = append(r.Outcomes, &apart)
	s := squeezed(func(w io.Writer) { report.Summary(w, r) })
	require.Contains(t, s, "CPU / A in both layouts: shared, apart\nserver one\n")
	require.Contains(t, s, "\ndsrudp AddrPort 0.42, 0.90\nnet AddrPort 1.00, 1.00\n")
	require.NotContains(t, s, "alone")
	require.Contains(t, squeezed(func(w io.Writer) { report.Scenario(w, &apart) }), "(one-apart, layout apart, 2 rounds)")
}

// TestProbes: ratios are over the same probe beside net's server.
func TestProbes(t *testing.T) {
	beside := func(name, probe string, worst ...time.Duration) run.Entry {
		e := entry(plan.Server{Name: name}, 1000, 1000, 1000)
		e.Label, e.Over = name+", "+probe, plan.A+", "+probe
		for i := range e.Windows {
			e.Windows[i].P50, e.Windows[i].P99, e.Windows[i].Worst = worst[i]/4, worst[i]/2, worst[i]
		}
		return e
	}
	const ms = time.Millisecond
	net, server := beside(plan.A, "timer", 4*ms, 8*ms, 4*ms), beside("dsrudp Server", "timer", 6*ms, 12*ms, 300*ms)
	o := &run.Outcome{
		Scenario: plan.Scenario{Name: "n", Title: "Beside", Layout: plan.Free, Baseline: plan.A, Entries: []plan.Entry{net.Entry, server.Entry}},
		Entries:  []run.Entry{net, server},
	}
	s := squeezed(func(w io.Writer) { report.Scenario(w, o) })
	require.Contains(t, s, "server p50 / net p99 / net worst / net p50 µs p99 µs worst µs longest µs kpps wrong source")
	require.Contains(t, s, "dsrudp Server, timer 1.500 1.500 1.500 3000 6000 12000 300000 100.0 0")
	r := &report.Report{Outcomes: []*run.Outcome{o}, Verdicts: report.Judge([]plan.Check{
		{Row: "beside", Scenario: "n", Layout: plan.Free, Metric: plan.Worst, Of: "dsrudp Server, timer", Over: plan.A + ", timer", Must: 1.5, Goal: 1},
	}, []*run.Outcome{o})}
	require.Contains(t, squeezed(func(w io.Writer) { report.Summary(w, r) }), "beside (free) n Server, timer: worst net AddrPort 1.500 1.500–38.250 1.50 1.00 met")
	dir := t.TempDir()
	require.NoError(t, report.Charts(dir, r))
	require.NoFileExists(t, filepath.Join(dir, "n.svg"))
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
			Layout  string
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
		Checks []struct {
			Row, Layout, Grade string
			Value, C           *float64
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
	require.Equal(t, "shared", j.Scenarios[0].Layout)
	require.Equal(t, "met", j.Checks[0].Grade)
	require.Equal(t, .7, *j.Checks[0].C)
	require.Nil(t, j.Checks[2].Value, "not measured")
	require.Nil(t, j.Checks[2].C)
	require.Equal(t, "apart", j.Checks[2].Layout)
}

// TestT48_Charts: bars have values, colours are explained, and which way is better is said.
func TestT48_Charts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "charts")
	require.NoError(t, report.Charts(dir, made()))
	svg, err := os.ReadFile(filepath.Join(dir, "one.svg"))
	require.NoError(t, err)
	for _, s := range []string{
		"<svg", "One in flight (layout shared)", ">" + ours + "<", ">C recvmmsg<", ">0.42<", ">0.70<", ">1.00<", "Linux 6.18", "A CPU",
		"net AddrPort = 1", "Shorter is better.", ">this project<", ">others<", ">answers from a wrong source<",
	} {
		require.Contains(t, string(svg), s)
	}
	for class, n := range map[string]int{"ours": 2, "other": 2, "wrong": 2} {
		require.Equal(t, n, strings.Count(string(svg), `<rect class="`+class+`"`), "%s: a bar, and what it means", class)
	}
	require.NoError(t, xml.Unmarshal(svg, new(any)), "well-formed")
	require.Error(t, report.Charts(filepath.Join(dir, "one.svg"), made()), "a file is in the way")
}
