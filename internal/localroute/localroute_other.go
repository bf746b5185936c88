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

// Close stops what a Table has running; Open makes none here.
func (t *Table) Close() error {
	t.stop()
	t.handle = handle{}
	return nil
}
