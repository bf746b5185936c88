package plan

// A Metric is a number that is measured of a server.
type Metric string

// The metrics.
const (
	CPU    Metric = "CPU"         // nanoseconds of the server's CPU time per datagram
	Rate   Metric = "rate"        // datagrams per second
	P50    Metric = "p50"         // nanoseconds of the median round trip
	P99    Metric = "p99"         // nanoseconds
	Allocs Metric = "allocations" // per datagram
	Wrong  Metric = "wrong"       // replies from a wrong source
)
