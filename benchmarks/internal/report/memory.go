//go:build linux

package report

import (
	"fmt"
	"io"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/memory"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
)

// Memory prints what objects weigh, and of the path memory what each client
// takes in the scenarios that had any.
func Memory(w io.Writer, m *memory.Result, outcomes []*run.Outcome) {
	fmt.Fprintf(w, "\n%s\n", heading.Sprint("Memory"))
	if m != nil {
		fmt.Fprintf(w, " a Conn: %d bytes; serving it adds %d bytes\n", m.Conn, m.Reader)
	}
	for _, o := range outcomes {
		for _, e := range o.Entries {
			// With few clients it is the table's smallest size that counts.
			if n := e.After.PathEntries; n >= 1000 {
				fmt.Fprintf(w, " path memory, %s: %d bytes for %d clients, %.1f each\n", e.Label, e.After.PathBytes, n, float64(e.After.PathBytes)/float64(n))
			}
		}
	}
}

// Stops prints how long it took to stop servers for the garbage collector.
func Stops(w io.Writer, outcomes []*run.Outcome) {
	for _, o := range outcomes {
		for _, e := range o.Entries {
			if s := e.After.Stops; e.Server.Go.CollectGarbage && s.N > 0 {
				fmt.Fprintf(w, " stopping %s for the garbage collector, %d times: median %v, 90th percentile %v, 99th %v\n",
					e.Label, s.N, s.P50, s.P90, s.P99)
			}
		}
	}
}
