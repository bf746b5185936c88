//go:build linux

package lab_test

import (
	"os"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// TestMain runs the tests, or one of the programs that tests start.
func TestMain(m *testing.M) {
	if name := os.Getenv(programEnv); name != "" {
		programs[name]()
		return
	}
	labtest.Main(m)
}
