//go:build !linux

package localroute

import (
	"errors"
	"fmt"
	"runtime"
)

// A namespace is one of Linux.
type namespace struct{}

// open fails: only on Linux may the kernel's own check of source addresses have
// to be replaced.
func open(uintptr) (*Table, error) {
	return nil, fmt.Errorf("local routes on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
