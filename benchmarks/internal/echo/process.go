//go:build linux

package echo

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
)

// Ready is the first thing that a server's process writes.
type Ready struct {
	Port int
}

// Stats is what it writes for each line that it reads.
type Stats struct {
	// Mallocs and Bytes are what was allocated since the start.
	Mallocs, Bytes uint64
	// PathEntries and PathBytes are the number of remote addresses in dsrudp's
	// path memory and its size in bytes.
	PathEntries, PathBytes int
	// Unknown and Refused are dsrudp's counts of sends without a path.
	Unknown, Refused uint64
	// Stops are the times it took to stop the goroutines for each garbage
	// collection, with Spec.CollectGarbage.
	Stops Stops
}

// Serve runs a server until r ends. It says on w where it listens, and its
// statistics for each line of r.
func Serve(s Spec, r io.Reader, w io.Writer) error {
	srv, err := start(s)
	if err != nil {
		return fmt.Errorf("echo: %s: %w", s.Name, err)
	}
	out := json.NewEncoder(w)
	if err := out.Encode(Ready{srv.port}); err != nil {
		return err
	}
	ended := make(chan error, len(srv.loops)+1)
	for _, loop := range srv.loops {
		go func() { ended <- loop() }()
	}
	if s.CollectGarbage {
		go collect()
	}
	go func() {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			if err := out.Encode(srv.read()); err != nil {
				ended <- err
				return
			}
		}
		ended <- lines.Err()
	}()
	return <-ended
}

func (srv *server) read() (st Stats) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	st.Mallocs, st.Bytes = m.Mallocs, m.TotalAlloc
	st.Stops = stops()
	if srv.stats != nil {
		srv.stats(&st)
	}
	return st
}
