//go:build !linux

package localroute

import (
	"errors"
	"fmt"
	"runtime"
)

type handle struct{}

// Open returns an error that matches errors.ErrUnsupported: only on Linux may
// the kernel's own check of source addresses have to be lifted.
func Open(uintptr) (*Table, error) {
	return nil, fmt.Errorf("localroute: local routes on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// Close does nothing, as there is no Table that could be closed.
func (t *Table) Close() error { return nil }
