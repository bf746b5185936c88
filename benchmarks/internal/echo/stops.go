//go:build linux

package echo

import (
	"runtime"
	"runtime/metrics"
	"time"
)

// Stops are quantiles of the time that it took to stop the goroutines, and the
// number of times that was.
type Stops struct {
	N             uint64
	P50, P90, P99 time.Duration
}

// collect collects garbage again and again.
func collect() {
	for range time.Tick(10 * time.Millisecond) {
		runtime.GC()
	}
}

// stops reads what the runtime noted. Its numbers are upper bounds of its
// histogram's buckets, which are a few percent wide.
func stops() Stops {
	samples := []metrics.Sample{{Name: "/sched/pauses/stopping/gc:seconds"}}
	metrics.Read(samples)
	if samples[0].Value.Kind() != metrics.KindFloat64Histogram {
		return Stops{}
	}
	h := samples[0].Value.Float64Histogram()
	var s Stops
	for _, c := range h.Counts {
		s.N += c
	}
	s.P50, s.P90, s.P99 = quantile(h, s.N, .5), quantile(h, s.N, .9), quantile(h, s.N, .99)
	return s
}

func quantile(h *metrics.Float64Histogram, n uint64, q float64) time.Duration {
	var sum uint64
	for i, c := range h.Counts {
		if sum += c; c > 0 && float64(sum) >= q*float64(n) {
			return time.Duration(h.Buckets[i+1] * float64(time.Second)).Round(100 * time.Nanosecond)
		}
	}
	return 0
}
