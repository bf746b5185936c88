//go:build linux

package plan

// The rows of the table of floors and targets.
const (
	rowSaturated = "Server, ReadPackets: saturated"
	rowBursts    = "Server, ReadPackets: bursts of 8"
	rowOne       = "Server, ReadPackets: one in flight"
	rowSparse    = "Server, ReadPackets: sparse"
	rowGrouping  = "GSO grouping, 8 per flow"
	rowNothing   = "nothing to group, over grouping off"
	rowTrains    = "GRO in, GSO out, trains of 16 handed through"
	rowSplit     = "the same, split for a handler and regrouped"
	rowAddrPort  = "drop-in AddrPort, saturated"
	rowReadFrom  = "drop-in ReadFrom over net's"
	rowReadAhead = "drop-in, read-ahead and coalesced writes"
	rowDropInOne = "drop-in, one in flight"
	rowDropInFew = "drop-in, sparse"
	rowAllocs    = "allocations"
	rowVIPs      = "1 to 65 000 VIPs, over 1"
	rowClients   = "1 to 100 000 clients, over 1"
	rowReusePort = "two SO_REUSEPORT sockets over one, over C's gain"
	rowWrong     = "wrong sources, any mode"
)

// Checks returns the table of floors and targets. Wrong sources are checked in
// every entry there is of this project.
func Checks() []Check {
	var cs []Check
	both := func(c Check) {
		for _, of := range []string{server, readPackets} {
			c.Of = of
			cs = append(cs, c)
		}
	}
	both(Check{Row: rowSaturated, Scenario: inSaturated, Metric: CPU, Over: A, Floor: .78, Target: .70})
	both(Check{Row: rowSaturated, Scenario: inSaturated, Metric: CPU, Over: C, Floor: 1.12, Target: 1.03})
	both(Check{Row: rowBursts, Scenario: inBursts, Metric: CPU, Over: A, Floor: .68, Target: .60})
	both(Check{Row: rowOne, Scenario: inOne, Metric: CPU, Over: A, Floor: .62, Target: .52})
	both(Check{Row: rowOne, Scenario: inOne, Metric: P50, Over: A, Floor: .80, Target: .65})
	both(Check{Row: rowSparse, Scenario: inSparse, Metric: CPU, Over: A, Floor: .46, Target: .38})
	both(Check{Row: rowGrouping, Scenario: inEights, Metric: CPU, Over: A, Floor: .38, Target: .32})
	both(Check{Row: rowGrouping, Scenario: inEights, Metric: CPU, Over: C, Floor: .52, Target: .45})
	cs = append(
		cs,
		Check{Row: rowNothing, Scenario: inDistinct, Metric: CPU, Of: server, Over: ungrouped, Floor: 1.06, Target: 1.02},
		Check{Row: rowTrains, Scenario: inGRO16, Metric: CPU, Of: trains, Over: A, Floor: .10, Target: .07},
		Check{Row: rowTrains, Scenario: inGRO16, Metric: CPU, Of: trains, Over: CGRO, Floor: 1.20, Target: 1.08},
		Check{Row: rowSplit, Scenario: inGRO16, Metric: CPU, Of: split, Over: A, Floor: .20, Target: .12},

		Check{Row: rowAddrPort, Scenario: inSaturated, Metric: CPU, Of: addrPort, Over: A, Floor: 1.10, Target: 1},
		Check{Row: rowReadFrom, Scenario: inSaturated, Metric: CPU, Of: readFrom, Over: netFrom, Floor: 1.08, Target: 1},
		Check{Row: rowReadAhead, Scenario: inSaturated, Metric: CPU, Of: readAhead, Over: A, Floor: .85, Target: .75},
		Check{Row: rowDropInOne, Scenario: inOne, Metric: CPU, Of: addrPort, Over: A, Floor: .65, Target: .54},
		Check{Row: rowDropInFew, Scenario: inSparse, Metric: CPU, Of: addrPort, Over: A, Floor: .50, Target: .38},
	)
	cs = append(cs, allocChecks()...)
	return append(cs, scaleChecks()...)
}

// Ungrouped is what the row of saturated servers is to be read beside: the same
// ratio without grouping. It has no floor.
func Ungrouped() Check {
	return Check{Row: rowSaturated, Scenario: inSaturated, Metric: CPU, Of: ungrouped, Over: A}
}

// allocSlack is for what a server allocates to tell its statistics.
const allocSlack = .05

func allocChecks() (cs []Check) {
	for _, of := range []string{readFrom, readFromUDP, readBatch} {
		cs = append(cs, Check{Row: rowAllocs, Scenario: inSaturated, Metric: Allocs, Of: of, Floor: 1 + allocSlack, Target: 1 + allocSlack})
	}
	for _, of := range []string{addrPort, readFromPath, readPackets, server, readAhead} {
		cs = append(cs, Check{Row: rowAllocs, Scenario: inSaturated, Metric: Allocs, Of: of, Floor: allocSlack, Target: allocSlack})
	}
	return cs
}

func scaleChecks() (cs []Check) {
	for _, of := range []string{ungrouped, addrPort} {
		for _, n := range []string{vips4096, vips65k} {
			cs = append(cs, Check{Row: rowVIPs, Scenario: inVIPs, Metric: CPU, Of: label(of, n), Over: label(of, vips1), Floor: 1.08, Target: 1.03})
		}
	}
	for _, of := range []string{ungrouped, addrPort} {
		for _, n := range []string{clients1k, clients100k} {
			cs = append(cs, Check{Row: rowClients, Scenario: inClients, Metric: CPU, Of: label(of, n), Over: label(of, client1), Floor: 1.12, Target: 1.07})
		}
	}
	return append(cs, Check{
		Row: rowReusePort, Scenario: inReusePort, Metric: Rate,
		Of: label(ungrouped, sockets2), Over: label(ungrouped, socket1), GainOf: label(C, sockets2), GainOver: label(C, socket1),
		Floor: .9, Target: 1, AtLeast: true,
	})
}

// WrongSources returns a check of each entry of this project: none of its
// replies may come from a wrong source.
func WrongSources(s Scenario) (cs []Check) {
	for _, e := range s.Entries {
		if e.Server.Ours() {
			cs = append(cs, Check{Row: rowWrong, Scenario: s.Name, Metric: Wrong, Of: e.Label})
		}
	}
	return cs
}
