//go:build linux

package plan

// Names of variants.
const (
	vips1, vips4096, vips65k, vips200k = "1 VIP", "4096 VIPs", "65 000 VIPs", "200 000 VIPs"
	client1, clients1k, clients100k    = "1 client", "1000 clients", "100 000 clients"
	socket1, sockets2                  = "1 socket", "2 sockets"
)

// scales returns the scenarios that have one server under several loads, or
// with several sockets. Grouping is off: with one VIP and one client it has
// everything to group, with many of them nothing, and that is not the question.
func scales() []Scenario {
	return []Scenario{
		{
			Name: inVIPs, Title: "Number of VIPs", Baseline: label(A, vips1), Limit: label(C, vips1),
			Entries: entries([]string{A, C, ungrouped, addrPort, readFromPath},
				variant{name: vips1, load: ofVIPs(1)}, variant{name: vips4096, load: ofVIPs(4096)},
				variant{name: vips65k, load: ofVIPs(65_000)}, variant{name: vips200k, load: ofVIPs(200_000)}),
		},
		{
			Name: inClients, Title: "Number of client addresses", Baseline: label(A, client1), Limit: label(C, client1),
			Entries: entries([]string{A, C, ungrouped, addrPort, readFromPath},
				variant{name: client1, load: ofClients(1)}, variant{name: clients1k, load: ofClients(1000)},
				variant{name: clients100k, load: ofClients(100_000)}),
		},
		{
			Name: inReusePort, Title: "Sockets that share the port (SO_REUSEPORT), on two processors", Apart: true,
			Baseline: label(A, socket1), Limit: label(C, socket1),
			Entries: entries([]string{A, C, ungrouped},
				variant{name: socket1, load: patient}, variant{name: sockets2, sockets: 2, load: patient}),
		},
		{
			Name: inStops, Title: "Garbage collected every 10 ms, on two processors", Apart: true, Baseline: A,
			Entries: entries([]string{A, server, plain}, variant{garbage: true, load: manySockets}),
		},
	}
}
