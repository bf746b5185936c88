//go:build linux

// Package plan says what is measured: the servers, the scenarios that put them
// side by side, and the bounds and goals that their ratios are held against.
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
	A     = "net AddrPort"
	C     = "C recvmmsg"
	Ce    = "C recvmmsg epoll" // waits as Go's poller must
	Cg32  = "C merging 32"
	Cg64  = "C merging 64"
	CGRO  = "C GRO"
	CGROe = "C GRO epoll"

	netFrom     = "net ReadFrom"
	wireguard   = "wireguard-go StdNetBind"
	xnetBatch   = "x/net ReadBatch"
	xnetControl = "x/net ControlMessage"

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
		{Name: Ce, C: []string{"recvmmsg", "pktinfo", "epoll"}},
		{Name: Cg32, C: []string{"merge", "pktinfo", "batch=32"}},
		{Name: Cg64, C: []string{"merge", "pktinfo", "batch=64"}},
		{Name: CGRO, C: []string{"gro", "pktinfo", "batch=16"}},
		{Name: CGROe, C: []string{"gro", "pktinfo", "batch=16", "epoll"}},
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

// A Layout says which processors the server and the generator run on.
type Layout string

// The layouts. Each scenario has one.
const (
	Shared Layout = "shared" // they take turns on one
	Apart  Layout = "apart"  // each has one of its own
	// Free is for servers with more than one thread at work: both have them all.
	// It is run where Apart is.
	Free Layout = "free"
)

// ApartSuffix is what the name of a scenario has in Apart that is also in Shared.
const ApartSuffix = "-apart"

// A Scenario puts servers side by side.
type Scenario struct {
	Name   string
	Title  string
	Layout Layout
	// MTU is that of the loopback interface. 0 leaves it as it is.
	MTU int
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
	// Over is the label of the entry that ratios of a probe are over, see
	// echo.Spec.Probe.
	Over string
}

// Latency reports whether round trips are timed.
func (s Scenario) Latency() bool { return len(s.Entries) > 0 && s.Entries[0].Load.Latency }

// Probes reports whether it is about what shares the process with the servers.
func (s Scenario) Probes() bool { return len(s.Entries) > 0 && s.Entries[0].Over != "" }

// A variant is how a server is run that more than one entry is about.
type variant struct {
	name    string // behind the server's in the label
	network string // "udp4" if empty
	sockets int
	procs   int
	probe   string
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
				srv.Go.Network, srv.Go.Sockets, srv.Go.Procs, srv.Go.Probe = cmp.Or(v.network, "udp4"), v.sockets, v.procs, v.probe
			}
			e := Entry{Label: label(name, v.name), Server: srv, Load: v.load}
			if v.probe != "" {
				e.Over = label(A, v.name)
			}
			es = append(es, e)
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

// Names of scenarios and variants that checks are about.
const (
	inSaturated = "saturated"
	inClients64 = "clients64"
	inBursts    = "bursts"
	inOne       = "one"
	inSparse    = "sparse"
	inEights    = "merge8"
	inDistinct  = "distinct"
	inGRO16     = "gro16"
	inVIPs      = "vips"
	inClients   = "clients"

	vips1, vips4096, vips65k        = "1 VIP", "4096 VIPs", "65 000 VIPs"
	client1, clients1k, clients100k = "1 client", "1000 clients", "100 000 clients"
	socket1, sockets2               = "1 socket", "2 sockets"
)

// Scenarios returns all there are. Where nothing else is said a datagram has 64
// bytes, goes to another VIP than the one before, and comes from one client.
func Scenarios() []Scenario {
	var all []string // that make sense without GRO
	for _, s := range Servers() {
		if !slices.Contains([]string{CGRO, CGROe, serverGRO, packetsGRO, unmerged}, s.Name) {
			all = append(all, s.Name)
		}
	}
	some := []string{A, netFrom, Ce, xnetBatch, server, readPackets, readBatch, addrPort, readFrom, readFromPath}
	// These work on IPv6 as well.
	both := []string{A, netFrom, Ce, server, readPackets, addrPort, readFrom, readFromPath}
	merging := []string{A, C, Ce, Cg32, Cg64, wireguard, xnetBatch, server, unmerged, readPackets, readBatch, addrPort, readFrom}
	gro := []string{A, C, CGRO, CGROe, wireguard, server, serverGRO, packetsGRO, addrPort}
	scaled := []string{A, Ce, unmerged, addrPort, readFromPath}

	saturated := load.Load{VIPs: 8, Size: 64, Window: 64}
	saturated6 := saturated
	saturated6.IPv6 = true
	clients64 := load.Load{VIPs: 1, Clients: 64, Size: 64, Window: 64}
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
	// apart, to keep up with two of them, and leaves as much of both processors
	// to the servers as it can.
	patient := load.Load{VIPs: 8, Size: 64, Sockets: 32, Window: 1024, Segments: 32, Pause: 300 * time.Microsecond}

	var ss []Scenario
	for _, s := range []Scenario{
		{Name: inSaturated, Title: "64 in flight, 8 VIPs", Entries: entries(append(all, unmerged), variant{load: saturated})},
		{Name: inClients64, Title: "64 clients, 1 VIP", Entries: entries(merging, variant{load: clients64})},
		{Name: inDistinct, Title: "Nothing to merge: every datagram has another VIP", Entries: entries(merging, variant{load: distinct})},
		{Name: inBursts, Title: "Bursts of 8", Entries: entries(all, variant{load: bursts})},
		{Name: inOne, Title: "One in flight", Entries: entries(all, variant{load: one})},
		{Name: inSparse, Title: "Sparse: one every 250 µs", Entries: entries(all, variant{load: sparse})},
		{Name: inEights, Title: "8 datagrams of one client and VIP follow each other", Entries: entries(merging, variant{load: eights})},
		{Name: inGRO16, Title: "GRO joins 16 datagrams", Limit: CGRO, Entries: entries(gro, joined(16))},
	} {
		ss = append(ss, s)
		s.Name, s.Layout = s.Name+ApartSuffix, Apart
		s.Entries = slices.DeleteFunc(slices.Clone(s.Entries), func(e Entry) bool { return !slices.Contains(inApart, e.Label) })
		ss = append(ss, s)
	}
	ss = append(
		ss,
		Scenario{Name: "gro4", Title: "GRO joins 4 datagrams", Limit: CGRO, Entries: entries(gro, joined(4))},
		Scenario{Name: "512bytes", Title: "Payload of 512 bytes", Entries: entries(some, sized(512))},
		Scenario{Name: "1200bytes", Title: "Payload of 1200 bytes", Entries: entries(some, sized(1200))},
		Scenario{Name: "fragments", Title: "Payload of 2000 bytes, in two fragments each way", MTU: 1500, Entries: entries(some, sized(2000))},
		Scenario{Name: "ipv6", Title: "IPv6", Entries: entries(both, variant{network: "udp6", load: saturated6})},
		Scenario{Name: "dual4", Title: "IPv4 on a dual-stack socket", Entries: entries(both, variant{network: "udp", load: saturated})},
		Scenario{Name: "dual6", Title: "IPv6 on a dual-stack socket", Entries: entries(both, variant{network: "udp", load: saturated6})},

		// One server under several loads, or with several sockets. Merging is off:
		// with one VIP and one client there is everything to merge, with many of
		// them nothing, and that is not the question.
		Scenario{
			Name: inVIPs, Title: "Number of VIPs", Baseline: label(A, vips1), Limit: label(Ce, vips1),
			Entries: entries(scaled, vips(vips1, 1), vips(vips4096, 4096), vips(vips65k, 65_000), vips("200 000 VIPs", 200_000)),
		},
		Scenario{
			Name: inClients, Title: "Number of client addresses", Baseline: label(A, client1), Limit: label(Ce, client1),
			Entries: entries(scaled, clients(client1, 1), clients(clients1k, 1000), clients(clients100k, 100_000)),
		},
		Scenario{
			Name: "reuseport", Title: "Sockets that share the port (SO_REUSEPORT)", Layout: Free,
			Baseline: label(A, socket1), Limit: label(Ce, socket1),
			Entries: entries([]string{A, Ce, unmerged}, variant{name: socket1, load: patient}, variant{name: sockets2, sockets: 2, load: patient}),
		},
	)
	ss = append(ss, neighbours()...)
	for i := range ss {
		s := &ss[i]
		s.Layout, s.Baseline, s.Limit = cmp.Or(s.Layout, Shared), cmp.Or(s.Baseline, A), cmp.Or(s.Limit, Ce)
	}
	return ss
}

// inApart are the servers that also run apart.
var inApart = []string{
	C, Ce, Cg32, Cg64, CGRO, A, netFrom, xnetBatch, xnetControl,
	server, serverGRO, readPackets, packetsGRO, addrPort, readFrom, readFromPath,
}

// neighbours returns a scenario for each probe, in which it is beside servers that
// share its process.
func neighbours() (ss []Scenario) {
	// Few in flight, from several sockets, keep a server busy that always finds a
	// few datagrams; a flood keeps one busy that always finds a full batch.
	closed := load.Load{VIPs: 8, Size: 64, Sockets: 8, Window: 32, Warm: 40 * time.Millisecond, Measure: 200 * time.Millisecond}
	flood := closed
	flood.Flood, flood.Window = true, 256
	for _, probe := range echo.Probes() {
		s := Scenario{Name: "neighbour-" + probe, Title: "In the process of a saturated server: " + echo.ProbeTitle(probe), Layout: Free}
		for sockets := 1; sockets <= 2; sockets++ {
			for procs := 1; procs <= 2; procs++ {
				for _, l := range []load.Load{closed, flood} {
					name := fmt.Sprintf("%s, GOMAXPROCS %d, closed loop", []string{socket1, sockets2}[sockets-1], procs)
					if l.Flood {
						name = strings.Replace(name, "closed loop", "flood", 1)
					}
					v := variant{name: name, sockets: sockets, procs: procs, probe: probe, load: l}
					s.Entries = append(s.Entries, entries([]string{A, server}, v)...)
				}
			}
		}
		ss = append(ss, s)
	}
	return ss
}
