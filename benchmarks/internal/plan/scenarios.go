//go:build linux

package plan

import "slices"

// Names of scenarios that floors are about.
const (
	inSaturated = "saturated"
	inBursts    = "bursts"
	inOne       = "one"
	inSparse    = "sparse"
	inEights    = "group8"
	inDistinct  = "distinct"
	inGRO4      = "gro4"
	inGRO16     = "gro16"
	inVIPs      = "vips"
	inClients   = "clients"
	inReusePort = "reuseport"
	inStops     = "stops"
)

// Scenarios returns all there are.
func Scenarios() []Scenario {
	all := everybody()
	some := []string{A, netFrom, C, xnetBatch, server, readPackets, readBatch, addrPort, readFrom, readFromPath}
	// These two do not know IPv4 alone.
	both := []string{A, netFrom, C, server, readPackets, addrPort, readFrom, readFromPath}
	groupers := []string{A, C, CGroup, wireguard, xnetBatch, server, ungrouped, readPackets, readBatch}
	gro := []string{A, C, CGRO, wireguard, server, trains, split, packetGRO}

	return append([]Scenario{
		{Name: inSaturated, Title: "Saturated: 64 in flight", Baseline: A, Limit: C, Entries: entries(append(all, ungrouped), variant{load: saturated})},
		{Name: inBursts, Title: "Bursts of 8", Baseline: A, Limit: C, Entries: entries(all, variant{load: bursts})},
		{Name: inOne, Title: "One in flight", Baseline: A, Limit: C, Entries: entries(all, variant{load: inFlight})},
		{Name: inSparse, Title: "Sparse: one every 250 µs", Baseline: A, Limit: C, Entries: entries(all, variant{load: sparse})},
		{Name: inEights, Title: "8 datagrams of one client and VIP follow each other", Baseline: A, Limit: C, Entries: entries(groupers, variant{load: eights})},
		{Name: inDistinct, Title: "Nothing to group: every datagram has another VIP", Baseline: A, Limit: C, Entries: entries(groupers, variant{load: distinct})},
		{Name: inGRO4, Title: "Trains of 4", Baseline: A, Limit: CGRO, Entries: entries(gro, variant{load: inTrains(4)})},
		{Name: inGRO16, Title: "Trains of 16", Baseline: A, Limit: CGRO, Entries: entries(gro, variant{load: inTrains(16)})},
		{Name: "512bytes", Title: "Payload of 512 bytes", Baseline: A, Limit: C, Entries: entries(some, variant{load: ofSize(512)})},
		{Name: "1200bytes", Title: "Payload of 1200 bytes", Baseline: A, Limit: C, Entries: entries(some, variant{load: ofSize(1200)})},
		{Name: "ipv6", Title: "IPv6", Baseline: A, Limit: C, Entries: entries(both, variant{network: "udp6", load: overIPv6(saturated)})},
		{
			Name: "dual4", Title: "IPv4 on a dual-stack socket", Baseline: A, Limit: C,
			Entries: entries(both, variant{network: "udp", load: saturated}),
		},
		{
			Name: "dual6", Title: "IPv6 on a dual-stack socket", Baseline: A, Limit: C,
			Entries: entries(both, variant{network: "udp", load: overIPv6(saturated)}),
		},
	}, scales()...)
}

// everybody has all servers that make sense without trains.
func everybody() []string {
	var names []string
	for _, s := range Servers() {
		if !slices.Contains([]string{CGRO, trains, split, packetGRO, ungrouped}, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}
