//go:build linux

package compare

import "context"

// A Question is put to every repair.
type Question struct {
	ID    string `json:"id"`
	Title string `json:"title"`

	// Asks says what exactly is asked, and when it is met.
	Asks string `json:"asks"`

	// reads says that the answer is read in the programs, and nothing is run.
	reads bool

	// One of the two: ask puts the question to one repair, and is called for
	// several at the same time; askAll puts it to all of them, for measurements
	// that must not disturb each other, and reports each finding.
	ask    func(ctx context.Context, t *trial) (finding, error)
	askAll func(ctx context.Context, ts []*trial, found func(i int, f finding)) error
}

// questions returns all of them, in the order of the table.
func questions() []Question {
	return []Question{
		{
			ID: "one-vip", Title: "one VIP, IPv4", ask: oneVIP,
			Asks: "Clients ask one IPv4 VIP through either balancer, with two backends. All answers must be accepted.",
		},
		{
			ID: "two-vips", Title: "two VIPs, IPv4", ask: twoVIPs,
			Asks: "Clients ask two IPv4 VIPs, each from ports of its own, through either balancer. All answers must be accepted. Of a program that binds it is also told what comes of binding to one of them alone.",
		},
		{
			ID: "internal-external", Title: "internal and external balancer to one backend", ask: internalAndExternal,
			Asks: "One backend has an external VIP, asked from the internet, and an internal one, asked by another machine of the network. All answers must be accepted.",
		},
		{
			ID: "direct", Title: "a VIP, and the machine's own external address", ask: direct,
			Asks: "Clients ask one VIP and, from other ports, a backend's own external address. All answers must be accepted.",
		},
		{
			ID: "one-port", Title: "one client port asks two VIPs at once", ask: onePort,
			Asks: "Requests to two VIPs of one backend leave one client port before an answer is read. All answers must be accepted, each from its VIP. Besides it is noted which client port the program saw.",
		},
		{
			ID: "one-port-direct", Title: "one client port asks a VIP and the machine itself", ask: onePortDirect,
			Asks: "The same with one VIP and the backend's own external address.",
		},
		{
			ID: "sees", Title: "the application sees the VIP and the client's port", ask: sees,
			Asks: "One client port asks two VIPs, and the program, where it can with the lines that are counted below, answers what it knows of the request. It must name the VIP that was asked and the client's own port.",
		},
		{
			ID: "ipv6", Title: "an IPv6 VIP that is only a local route", ask: ipv6VIPs,
			Asks: "Clients ask one IPv6 VIP that no interface owns, through either balancer. All answers must be accepted.",
		},
		{
			ID: "asymmetric", Title: "asymmetric return", ask: asymmetric,
			Asks: "Requests come in by one interface of the backend, and its way out is another. All answers must be accepted.",
		},
		{
			ID: "broadcast", Title: "a request to the broadcast address", ask: broadcast,
			Asks: "A client broadcasts on its network, and takes answers from the server's own address only. They must be accepted.",
		},
		{
			ID: "fragments", Title: "3000 bytes, in fragments", ask: fragments,
			Asks: "Requests of 3000 bytes and their answers cross either balancer in fragments, which captures at client and servers must have seen. All answers must be accepted.",
		},
		{
			ID: "same-host", Title: "a client on the same host", ask: sameHost,
			Asks: "A client on the backend asks a VIP from the address the kernel chooses, from the machine's own, and from 127.0.0.1. All answers must be accepted.",
		},
		{
			ID: "cpu", Title: "server's CPU per datagram", askAll: cpu,
			Asks: cpuAsks,
		},
		{
			ID: "memory", Title: "kernel memory per client", askAll: memory,
			Asks: memoryAsks,
		},
		{
			ID: "full", Title: "connection table full, port exempt from tracking", askAll: full,
			Asks: fullAsks,
		},
		{
			ID: "change", Title: "lines changed in the application", ask: change, reads: true,
			Asks: changeAsks,
		},
	}
}
