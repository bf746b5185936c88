//go:build linux

package plan

import (
	"slices"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
)

// A Metric is a number that is measured of a server.
type Metric string

// The metrics. CPU is of a datagram, in nanoseconds.
const (
	CPU    Metric = "CPU"         // of the server
	Rate   Metric = "rate"        // datagrams per second
	P50    Metric = "p50"         // nanoseconds of the median round trip, or of the probe
	P99    Metric = "p99"         // nanoseconds
	Worst  Metric = "worst"       // nanoseconds of the longest probe of a window
	Allocs Metric = "allocations" // per datagram
)

// A Check holds a measured ratio against the bound that this project must keep and
// the goal that it has.
type Check struct {
	// Row is the row of the table of checks that it is part of.
	Row string
	// Of and Over are labels of entries of the scenario: the ratio is that of
	// the metric of Of over that of Over. Without Over it is no ratio but the
	// number itself.
	Scenario string
	Layout   Layout // of the scenario
	Metric   Metric
	Of, Over string
	// The ratio is to be at most these.
	Must, Goal float64
	// COf and COver are the same ratio in C, if there is one. Where that misses
	// Must too, it is the machine that does not allow it.
	COf, COver string
}

// Labels are those of the entries that it needs.
func (c Check) Labels() []string {
	return slices.DeleteFunc([]string{c.Of, c.Over, c.COf, c.COver}, func(s string) bool { return s == "" })
}

// Checks returns the table of checks.
func Checks() []Check {
	const allocSlack = .05 // a server allocates for its statistics
	scenarios := Scenarios()
	var cs []Check
	add := func(row, scenario string, m Metric, over string, must, goal float64, of ...string) {
		i := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == scenario })
		for _, of := range of {
			c := Check{Row: row, Scenario: scenario, Layout: scenarios[i].Layout, Metric: m, Of: of, Over: over, Must: must, Goal: goal}
			if over == A || over == netFrom {
				c.COf, c.COver = scenarios[i].Limit, over
			}
			cs = append(cs, c)
		}
	}
	add("Server, ReadPackets: saturated", inSaturated, CPU, Cg32, 1, .85, server, readPackets)
	add("Server, ReadPackets: saturated", inSaturated, CPU, Cg64, 1.25, 1.05, server, readPackets)
	add("Server: 64 clients, or nothing to merge", inClients64, CPU, Ce, 1.08, 1.03, server)
	add("Server: 64 clients, or nothing to merge", inDistinct, CPU, Ce, 1.08, 1.03, server)
	add("Server: bursts of 8", inBursts, CPU, Ce, 1.08, 1.03, server)
	add("Server: one in flight", inOne, CPU, Ce, 1.15, 1.05, server)
	add("Server: one in flight", inOne, P50, Ce, 1.12, 1.03, server)
	add("Server: sparse", inSparse, CPU, Ce, 1.20, 1.05, server)
	add("merging, 8 per path", inEights, CPU, Cg64, 1.15, 1.05, server, readPackets)
	add("GRO in, merged out, 16 each", inGRO16, CPU, CGRO, 1.20, 1.08, serverGRO)
	cs[len(cs)-1].COf, cs[len(cs)-1].COver = CGROe, CGRO
	add("drop-in AddrPort: saturated", inSaturated, CPU, A, 1.15, 1.05, addrPort)
	add("drop-in ReadFrom over net's: saturated", inSaturated, CPU, netFrom, 1.17, 1.05, readFrom)
	add("drop-in: one in flight", inOne, CPU, Ce, 1.20, 1.08, addrPort)
	add("drop-in: sparse", inSparse, CPU, Ce, 1.20, 1.08, addrPort)
	add("allocations", inSaturated, Allocs, "", 1+allocSlack, 1+allocSlack, readFrom, readFromUDP, readBatch)
	add("allocations", inSaturated, Allocs, "", allocSlack, allocSlack, addrPort, readFromPath, readPackets, server)
	grow := func(row, scenario string, must, goal float64, smallest string, larger ...string) {
		for _, of := range []string{unmerged, addrPort} {
			for _, l := range larger {
				add(row, scenario, CPU, label(of, smallest), must, goal, label(of, l))
				c := &cs[len(cs)-1]
				c.COf, c.COver = label(Ce, l), label(Ce, smallest)
			}
		}
	}
	grow("1 to 65 000 VIPs, over 1", inVIPs, 1.08, 1.03, vips1, vips4096, vips65k)
	grow("1 to 100 000 clients, over 1", inClients, 1.12, 1.07, client1, clients1k, clients100k)
	for _, s := range scenarios {
		for _, e := range s.Entries {
			switch {
			case s.Layout == Apart && (e.Label == server || e.Label == addrPort):
				add("any scenario", s.Name, CPU, A, 1.20, 1, e.Label)
			case e.Over != "" && e.Server.Ours():
				row := "beside a saturated server: " + echo.ProbeTitle(e.Server.Go.Probe)
				add(row, s.Name, P99, e.Over, 1.5, 1, e.Label)
				add(row, s.Name, Worst, e.Over, 1.5, 1, e.Label)
			}
		}
	}
	return cs
}

// Needed leaves of scenarios what the checks need, and of each of them the
// baseline and the limit.
func Needed(scenarios []Scenario, checks []Check) []Scenario {
	var needed []Scenario
	for _, s := range scenarios {
		labels := []string{s.Baseline, s.Limit}
		for _, c := range checks {
			if c.Scenario == s.Name {
				labels = append(labels, c.Labels()...)
			}
		}
		if len(labels) == 2 {
			continue
		}
		s.Entries = slices.DeleteFunc(slices.Clone(s.Entries), func(e Entry) bool { return !slices.Contains(labels, e.Label) })
		needed = append(needed, s)
	}
	return needed
}
