//go:build linux

package run_test

import (
	"os"
	"testing"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) {
	run.Role() // the servers and the generator are this program
	if os.Getenv("GORACE") == "" {
		// With the race detector each of them would take a second to end.
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	labtest.Main(m)
}
