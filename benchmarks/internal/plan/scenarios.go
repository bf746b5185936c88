//go:build linux

// Package plan says what is measured: the servers, the scenarios that put them
// side by side, and the floors and targets that their ratios are held to.
package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
)

// A Server is one that is compared.
type Server struct {
	Name string
	// C has the arguments of a server in C, and Go says which one in Go it is.
	C  []string
	Go echo.Spec
	// Wrong says that it answers from the address that the kernel chooses, or
	// at times does. That is why it is no alternative to this project, and
	// still the baseline of what things cost.
	Wrong bool
}

// Ours reports whether it is this project's.
func (s Server) Ours() bool { return strings.HasPrefix(s.Name, "dsrudp ") }

// Names of servers.
const (
	A      = "net AddrPort"
	C      = "C recvmmsg"
	CGRO   = "C GRO"
	CMerge = "C merging"

	netFrom   = "net ReadFrom"
	wireguard = "wireguard-go StdNetBind"
	xnetBatch = "x/net ReadBatch"

	addrPort     = "dsrudp AddrPort"
	readFrom     = "dsrudp ReadFrom"
	readFromUDP  = "dsrudp ReadFromUDP"
	readFromPath = "dsrudp ReadFromPath"
	readPackets  = "dsrudp ReadPackets"
	packetsGRO   = "dsrudp ReadPackets, GRO"
	readBatch    = "dsrudp ReadBatch"
	server       = "dsrudp Server"
	serverGRO    = "dsrudp Server, GRO"
	unmerged     = "dsrudp Server, no merging"
	plain        = "dsrudp Server, plain system calls"
)

// Servers returns all that are compared.
func Servers() []Server {
	s := []Server{
		{Name: "C recvfrom", C: []string{"recvfrom"}, Wrong: true},
		{Name: "C recvmsg no pktinfo", C: []string{"recvmsg"}, Wrong: true},
		{Name: "C recvmsg", C: []string{"recvmsg", "pktinfo"}},
		{Name: "C recvmsg epoll", C: []string{"recvmsg", "pktinfo", "epoll"}},
		{Name: "C recvmmsg no pktinfo", C: []string{"recvmmsg"}, Wrong: true},
		{Name: C, C: []string{"recvmmsg", "pktinfo"}},
		{Name: "C recvmmsg epoll", C: []string{"recvmmsg", "pktinfo", "epoll"}},
		{Name: CMerge, C: []string{"merge", "pktinfo"}},
		{Name: CGRO, C: []string{"gro", "pktinfo", "batch=16"}},
	}
	for _, name := range echo.Names() {
		// Wireguard-go keeps one source for all datagrams that GRO joined.
		wrong := strings.HasPrefix(name, "net ") || name == wireguard
		s = append(s, Server{Name: name, Go: echo.Spec{Name: name}, Wrong: wrong})
	}
	return append(s,
		Server{Name: unmerged, Go: echo.Spec{Name: server, NoOffload: true}},
		Server{Name: plain, Go: echo.Spec{Name: server, PlainSyscalls: true}},
	)
}

// A Scenario puts servers side by side.
type Scenario struct {
	Name  string
	Title string
	// Apart is for servers with more than one thread at work. Otherwise
	// server and generator share one processor, and take turns there.
	Apart bool
	// Baseline is the label of the entry that ratios are over, and Limit that
	// of the one in C that shows what the kernel allows, if there is one.
	Baseline, Limit string
	Entries         []Entry
}

// An Entry is a server under a load.
type Entry struct {
	Label  string
	Server Server
	Load   load.Load
}

// Latency reports whether round trips are timed.
func (s Scenario) Latency() bool { return len(s.Entries) > 0 && s.Entries[0].Load.Latency }

// A variant is how a server is run that more than one entry is about.
type variant struct {
	name    string // behind the server's in the label
	network string // "udp4" if empty
	sockets int
	garbage bool // collect it all the time
	load    load.Load
}

// entries returns an entry for each server in each variant, variants of one
// server together.
func entries(servers []string, variants ...variant) (es []Entry) {
	all := Servers()
	for _, name := range servers {
		for _, v := range variants {
			srv := all[slices.IndexFunc(all, func(s Server) bool { return s.Name == name })]
			if srv.C != nil {
				srv.C = slices.Concat(srv.C, v.args())
			} else {
				srv.Go.Network, srv.Go.Sockets, srv.Go.CollectGarbage = cmp.Or(v.network, "udp4"), v.sockets, v.garbage
			}
			es = append(es, Entry{label(name, v.name), srv, v.load})
		}
	}
	return es
}

// args are the arguments of a server in C for what is asked of one in Go.
func (v variant) args() (args []string) {
	switch v.network {
	case "udp":
		args = append(args, "dual")
	case "udp6":
		args = append(args, "ipv6")
	}
	if v.sockets > 1 {
		args = append(args, fmt.Sprintf("sockets=%d", v.sockets))
	}
	return args
}

// label names an entry.
func label(server, variant string) string {
	if variant == "" {
		return server
	}
	return server + ", " + variant
}

// Names of scenarios and variants that floors are about.
const (
	inSaturated = "saturated"
	inBursts    = "bursts"
	inOne       = "one"
	inSparse    = "sparse"
	inEights    = "merge8"
	inDistinct  = "distinct"
	inGRO16     = "gro16"
	inVIPs      = "vips"
	inClients   = "clients"
	inReusePort = "reuseport"

	vips1, vips4096, vips65k        = "1 VIP", "4096 VIPs", "65 000 VIPs"
	client1, clients1k, clients100k = "1 client", "1000 clients", "100 000 clients"
	socket1, sockets2               = "1 socket", "2 sockets"
)

// Scenarios returns all there are. Where nothing else is said a datagram has 64
// bytes, goes to another VIP than the one before, and comes from one client.
func Scenarios() []Scenario {
	var all []string // that make sense without GRO
	for _, s := range Servers() {
		if !slices.Contains([]string{CGRO, serverGRO, packetsGRO, unmerged}, s.Name) {
			all = append(all, s.Name)
		}
	}
	some := []string{A, netFrom, C, xnetBatch, server, readPackets, readBatch, addrPort, readFrom, readFromPath}
	// These work on IPv6 as well.
	both := []string{A, netFrom, C, server, readPackets, addrPort, readFrom, readFromPath}
	merging := []string{A, C, CMerge, wireguard, xnetBatch, server, unmerged, readPackets, readBatch}
	gro := []string{A, C, CGRO, wireguard, server, serverGRO, packetsGRO}
	scaled := []string{A, C, unmerged, addrPort, readFromPath}

	saturated := load.Load{VIPs: 8, Size: 64, Window: 64}
	saturated6 := saturated
	saturated6.IPv6 = true
	bursts := load.Load{VIPs: 8, Size: 64, Window: 8}
	one := load.Load{VIPs: 8, Size: 64, Sockets: 4, Latency: true}
	// A window of sparse datagrams is longer, or there would be too few.
	sparse := load.Load{VIPs: 8, Size: 64, Sockets: 4, Latency: true, Gap: 250 * time.Microsecond, Measure: 80 * time.Millisecond}
	eights := load.Load{VIPs: 8, Size: 64, Window: 64, Flow: 8}
	distinct := load.Load{VIPs: 64, Size: 64, Window: 64}
	joined := func(n int) variant {
		return variant{load: load.Load{VIPs: 4, Size: 64, Window: 128, Segments: n}}
	}
	sized := func(n int) variant { return variant{load: load.Load{VIPs: 8, Size: n, Window: 64}} }
	vips := func(name string, n int) variant {
		return variant{name: name, load: load.Load{VIPs: n, Size: 64, Window: 64}}
	}
	clients := func(name string, n int) variant {
		return variant{name: name, load: load.Load{VIPs: 8, Clients: n, Size: 64, Window: 64}}
	}
	// Several sockets share the port, and the kernel chooses one by the client's
	// port. The generator sends many segments at once, which the kernel takes
	// apart, to keep up with two of them; patient leaves as much of both
	// processors to the servers as it can.
	manySockets := load.Load{VIPs: 8, Size: 64, Sockets: 32, Window: 512, Segments: 8}
	patient := load.Load{VIPs: 8, Size: 64, Sockets: 32, Window: 1024, Segments: 32, Pause: 300 * time.Microsecond}

	return []Scenario{
		{Name: inSaturated, Title: "Saturated: 64 in flight", Baseline: A, Limit: C, Entries: entries(append(all, unmerged), variant{load: saturated})},
		{Name: inBursts, Title: "Bursts of 8", Baseline: A, Limit: C, Entries: entries(all, variant{load: bursts})},
		{Name: inOne, Title: "One in flight", Baseline: A, Limit: C, Entries: entries(all, variant{load: one})},
		{Name: inSparse, Title: "Sparse: one every 250 µs", Baseline: A, Limit: C, Entries: entries(all, variant{load: sparse})},
		{Name: inEights, Title: "8 datagrams of one client and VIP follow each other", Baseline: A, Limit: C, Entries: entries(merging, variant{load: eights})},
		{Name: inDistinct, Title: "Nothing to merge: every datagram has another VIP", Baseline: A, Limit: C, Entries: entries(merging, variant{load: distinct})},
		{Name: "gro4", Title: "GRO joins 4 datagrams", Baseline: A, Limit: CGRO, Entries: entries(gro, joined(4))},
		{Name: inGRO16, Title: "GRO joins 16 datagrams", Baseline: A, Limit: CGRO, Entries: entries(gro, joined(16))},
		{Name: "512bytes", Title: "Payload of 512 bytes", Baseline: A, Limit: C, Entries: entries(some, sized(512))},
		{Name: "1200bytes", Title: "Payload of 1200 bytes", Baseline: A, Limit: C, Entries: entries(some, sized(1200))},
		{Name: "ipv6", Title: "IPv6", Baseline: A, Limit: C, Entries: entries(both, variant{network: "udp6", load: saturated6})},
		{Name: "dual4", Title: "IPv4 on a dual-stack socket", Baseline: A, Limit: C, Entries: entries(both, variant{network: "udp", load: saturated})},
		{Name: "dual6", Title: "IPv6 on a dual-stack socket", Baseline: A, Limit: C, Entries: entries(both, variant{network: "udp", load: saturated6})},

		// One server under several loads, or with several sockets. Merging is off:
		// with one VIP and one client there is everything to merge, with many of
		// them nothing, and that is not the question.
		{
			Name: inVIPs, Title: "Number of VIPs", Baseline: label(A, vips1), Limit: label(C, vips1),
			Entries: entries(scaled, vips(vips1, 1), vips(vips4096, 4096), vips(vips65k, 65_000), vips("200 000 VIPs", 200_000)),
		},
		{
			Name: inClients, Title: "Number of client addresses", Baseline: label(A, client1), Limit: label(C, client1),
			Entries: entries(scaled, clients(client1, 1), clients(clients1k, 1000), clients(clients100k, 100_000)),
		},
		{
			Name: inReusePort, Title: "Sockets that share the port (SO_REUSEPORT), on two processors", Apart: true,
			Baseline: label(A, socket1), Limit: label(C, socket1),
			Entries: entries([]string{A, C, unmerged}, variant{name: socket1, load: patient}, variant{name: sockets2, sockets: 2, load: patient}),
		},
		{
			Name: "stops", Title: "Garbage collected every 10 ms, on two processors", Apart: true, Baseline: A,
			Entries: entries([]string{A, server, plain}, variant{garbage: true, load: manySockets}),
		},
	}
}
