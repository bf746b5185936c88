//go:build linux

package plan

import "slices"

// A Metric is a number that is measured of a server.
type Metric string

// The metrics. CPU and Elapsed are of a datagram, in nanoseconds.
const (
	CPU     Metric = "CPU" // of the server
	Elapsed Metric = "elapsed"
	Rate    Metric = "rate"        // datagrams per second
	P50     Metric = "p50"         // nanoseconds of the median round trip
	P99     Metric = "p99"         // nanoseconds
	Allocs  Metric = "allocations" // per datagram
)

// A Check holds a measured ratio against the floor that this project must not
// fall short of and the target that it aims for.
type Check struct {
	// Row is the row of the table of floors that it is part of.
	Row string
	// Of and Over are labels of entries of the scenario: the ratio is that of
	// the metric of Of over that of Over. Without Over it is no ratio but the
	// number itself.
	Scenario string
	Metric   Metric
	Of, Over string
	// The ratio is to be at most these.
	Floor, Target float64
	// GainOf and GainOver are a second pair that the ratio is over in turn.
	GainOf, GainOver string
}

// Labels are those of the entries that it needs.
func (c Check) Labels() []string {
	return slices.DeleteFunc([]string{c.Of, c.Over, c.GainOf, c.GainOver}, func(s string) bool { return s == "" })
}

// Checks returns the table of floors and targets.
func Checks() []Check {
	const allocSlack = .05 // a server allocates for its statistics
	var cs []Check
	add := func(row, scenario string, m Metric, over string, floor, target float64, of ...string) {
		for _, of := range of {
			cs = append(cs, Check{Row: row, Scenario: scenario, Metric: m, Of: of, Over: over, Floor: floor, Target: target})
		}
	}
	add("Server, ReadPackets: saturated", inSaturated, CPU, A, .78, .70, server, readPackets)
	add("Server, ReadPackets: saturated", inSaturated, CPU, C, 1.12, 1.03, server, readPackets)
	add("Server, ReadPackets: bursts of 8", inBursts, CPU, A, .68, .60, server, readPackets)
	add("Server, ReadPackets: one in flight", inOne, CPU, A, .62, .52, server, readPackets)
	add("Server, ReadPackets: one in flight", inOne, P50, A, .80, .65, server, readPackets)
	add("Server, ReadPackets: sparse", inSparse, CPU, A, .46, .38, server, readPackets)
	add("merging, 8 per path", inEights, CPU, A, .38, .32, server, readPackets)
	add("merging, 8 per path", inEights, CPU, C, .52, .45, server, readPackets)
	add("nothing to merge, over merging off", inDistinct, CPU, unmerged, 1.06, 1.02, server)
	add("GRO in, split for a handler, merged out, 16 each", inGRO16, CPU, A, .20, .12, serverGRO)
	add("drop-in AddrPort, saturated", inSaturated, CPU, A, 1.10, 1, addrPort)
	add("drop-in ReadFrom over net's", inSaturated, CPU, netFrom, 1.08, 1, readFrom)
	add("drop-in, one in flight", inOne, CPU, A, .65, .54, addrPort)
	add("drop-in, sparse", inSparse, CPU, A, .50, .38, addrPort)
	add("allocations", inSaturated, Allocs, "", 1+allocSlack, 1+allocSlack, readFrom, readFromUDP, readBatch)
	add("allocations", inSaturated, Allocs, "", allocSlack, allocSlack, addrPort, readFromPath, readPackets, server)
	for _, of := range []string{unmerged, addrPort} {
		add("1 to 65 000 VIPs, over 1", inVIPs, CPU, label(of, vips1), 1.08, 1.03, label(of, vips4096), label(of, vips65k))
	}
	for _, of := range []string{unmerged, addrPort} {
		add("1 to 100 000 clients, over 1", inClients, CPU, label(of, client1), 1.12, 1.07, label(of, clients1k), label(of, clients100k))
	}
	return append(cs, Check{
		Row: "two SO_REUSEPORT sockets over one, over C's", Scenario: inReusePort, Metric: Elapsed, Floor: 1.11, Target: 1,
		Of: label(unmerged, sockets2), Over: label(unmerged, socket1), GainOf: label(C, sockets2), GainOver: label(C, socket1),
	})
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
