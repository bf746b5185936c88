//go:build linux

package plan

import (
	"time"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
)

// The loads. Where nothing else is said a datagram has 64 bytes, goes to
// another VIP than the one before, and comes from one client.
var (
	saturated = load.Load{VIPs: 8, Size: 64, Window: 64}
	bursts    = load.Load{VIPs: 8, Size: 64, Window: 8}
	inFlight  = load.Load{VIPs: 8, Size: 64, Sockets: 4, Latency: true}
	// A window of sparse datagrams is longer, or there would be too few.
	sparse = load.Load{VIPs: 8, Size: 64, Sockets: 4, Latency: true, Gap: 250 * time.Microsecond, Measure: 80 * time.Millisecond}
	// eights has 8 datagrams of one client and VIP follow each other.
	eights = load.Load{VIPs: 8, Size: 64, Window: 64, Flow: 8}
	// distinct has no two datagrams of one path in flight.
	distinct = load.Load{VIPs: 64, Size: 64, Window: 64}
	// manySockets is for servers with several, among which the kernel chooses
	// by the client's port. It comes in trains, which the kernel takes apart,
	// so that the generator can keep up with two of them.
	manySockets = load.Load{VIPs: 8, Size: 64, Sockets: 32, Window: 512, Train: 8}
	// patient leaves as much of both processors to the servers as it can.
	patient = load.Load{VIPs: 8, Size: 64, Sockets: 32, Window: 1024, Train: 32, Pause: 300 * time.Microsecond}
)

func ofSize(n int) load.Load {
	l := saturated
	l.Size = n
	return l
}

func ofVIPs(n int) load.Load {
	l := saturated
	l.VIPs = n
	return l
}

func ofClients(n int) load.Load {
	l := saturated
	l.Clients = n
	return l
}

func inTrains(n int) load.Load {
	return load.Load{VIPs: 4, Size: 64, Window: 128, Train: n}
}

func overIPv6(l load.Load) load.Load {
	l.IPv6 = true
	return l
}
