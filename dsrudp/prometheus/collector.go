// Package prometheus exports the counts of a [dsrudp.Conn] to Prometheus.
//
// It is a module of its own, so that package dsrudp does not need the client library:
//
//	go get github.com/dsrudp/go-dsrudp/dsrudp/prometheus
//
// Until a version is published, a module that is not in the clone needs a replacement of both
// modules, here by a clone beside it, and then "go mod tidy" instead of "go get":
//
//	go mod edit -replace github.com/dsrudp/go-dsrudp=../go-dsrudp \
//		-replace github.com/dsrudp/go-dsrudp/dsrudp/prometheus=../go-dsrudp/dsrudp/prometheus
package prometheus

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// NewCollector returns a collector of the Stats of set: of a single Conn, or of all Conns of one
// port that one ListenN or NewConns made. What each Conn counts has the label "socket", which is
// "0" for the first one, and so on. The path memory, which they share, is there once and without that
// label, so that sums over labels are right. Conns of other ports, or made by another call, belong in a
// collector of their own, which [prometheus.WrapRegistererWith] gives another label:
//
//	dns := prometheus.WrapRegistererWith(prometheus.Labels{"listener": "dns"}, registerer)
//	dns.MustRegister(dsrudpprometheus.NewCollector(conns...))
//
// The names begin with "dsrudp_". The collector may be used by many goroutines, and goes on with the
// last counts when a Conn is closed: unregister it then if others follow.
func NewCollector(set ...*dsrudp.Conn) prometheus.Collector { return collector(set) }

type collector []*dsrudp.Conn

// Describe is part of prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range metrics {
		ch <- m.desc
	}
}

// Collect is part of prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for i, conn := range c {
		stats := conn.Stats()
		for _, m := range metrics {
			switch {
			case !m.shared:
				ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&stats), strconv.Itoa(i))
			case i == 0:
				ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&stats))
			}
		}
	}
}

// A metric is a field of dsrudp.Stats.
type metric struct {
	desc   *prometheus.Desc
	kind   prometheus.ValueType
	shared bool // by the Conns of a set
	value  func(s *dsrudp.Stats) float64
}

// counter returns the metric of what each Conn counts.
func counter(name, help string, value func(s *dsrudp.Stats) uint64) metric {
	return metric{
		desc:  prometheus.NewDesc("dsrudp_"+name+"_total", help, []string{"socket"}, nil),
		kind:  prometheus.CounterValue,
		value: func(s *dsrudp.Stats) float64 { return float64(value(s)) },
	}
}

// pathMemory returns a metric of the path memory.
func pathMemory(name, help string, kind prometheus.ValueType, value func(s *dsrudp.Stats) float64) metric {
	return metric{prometheus.NewDesc("dsrudp_path_memory_"+name, help, nil, nil), kind, true, value}
}

// metrics has all fields of dsrudp.Stats.
var metrics = []metric{
	counter("received_datagrams", "Datagrams received.",
		func(s *dsrudp.Stats) uint64 { return s.Received }),
	counter("received_bytes", "Bytes of the payloads of datagrams received.",
		func(s *dsrudp.Stats) uint64 { return s.ReceivedBytes }),
	counter("sent_datagrams", "Datagrams sent.",
		func(s *dsrudp.Stats) uint64 { return s.Sent }),
	counter("sent_bytes", "Bytes of the payloads of datagrams sent.",
		func(s *dsrudp.Stats) uint64 { return s.SentBytes }),
	counter("unknown_path", "Datagrams sent, or refused, to a bare address that no path was known for.",
		func(s *dsrudp.Stats) uint64 { return s.UnknownPath }),
	counter("ambiguous_path", "Datagrams sent, or refused, to a bare address that wrote to several local addresses.",
		func(s *dsrudp.Stats) uint64 { return s.AmbiguousPath }),
	counter("refused", "Sends refused because the local address is unknown or not the host's.",
		func(s *dsrudp.Stats) uint64 { return s.Refused }),
	counter("lost_path", "Datagrams received whose local address could not be known.",
		func(s *dsrudp.Stats) uint64 { return s.LostPath }),
	counter("read_failed", "Reads that failed with an error of the kernel's.",
		func(s *dsrudp.Stats) uint64 { return s.ReadFailed }),
	counter("truncated", "Datagrams received that were longer than the buffer.",
		func(s *dsrudp.Stats) uint64 { return s.Truncated }),
	counter("control_truncated", "Datagrams received whose control messages did not all fit.",
		func(s *dsrudp.Stats) uint64 { return s.ControlTruncated }),
	counter("dropped", "Datagrams that the kernel dropped before they were read, mostly because the receive buffer was full.",
		func(s *dsrudp.Stats) uint64 { return s.Dropped }),
	counter("offload_fallbacks", "Messages of several datagrams that the kernel did not take, and took one by one.",
		func(s *dsrudp.Stats) uint64 { return s.OffloadFallbacks }),
	counter("send_denied", "Datagrams not sent because a filter or a prohibiting route stopped them.",
		func(s *dsrudp.Stats) uint64 { return s.SendDenied }),
	counter("send_no_buffer", "Datagrams not sent because the send buffer had no room.",
		func(s *dsrudp.Stats) uint64 { return s.SendNoBuffer }),
	counter("send_failed", "Datagrams not sent for another reason.",
		func(s *dsrudp.Stats) uint64 { return s.SendFailed }),
	counter("raw_refused", "Reads and writes through SyscallConn that were refused.",
		func(s *dsrudp.Stats) uint64 { return s.RawRefused }),
	counter("self_addressed", "Datagrams that a Server dropped because they came from one of its own sockets, or said so.",
		func(s *dsrudp.Stats) uint64 { return s.SelfAddressed }),
	counter("unanswerable", "Replies of a Server to port 0 or to an unspecified address, which were not sent.",
		func(s *dsrudp.Stats) uint64 { return s.Unanswerable }),
	counter("handler_panics", "Panics of the Server's handler.",
		func(s *dsrudp.Stats) uint64 { return s.Panics }),

	pathMemory("entries", "Remote addresses in the path memory.", prometheus.GaugeValue,
		func(s *dsrudp.Stats) float64 { return float64(s.PathEntries) }),
	pathMemory("bytes", "About what the path memory takes of the heap, in bytes.", prometheus.GaugeValue,
		func(s *dsrudp.Stats) float64 { return float64(s.PathBytes) }),
	pathMemory("evicted_total", "Remote addresses forgotten because the path memory was full.", prometheus.CounterValue,
		func(s *dsrudp.Stats) float64 { return float64(s.PathEvicted) }),
}
