//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !windows

package pktinfo

import (
	"errors"
	"fmt"
	"math/bits"
	"runtime"
)

// native is a layout of no use: no socket gets past familyOf.
var native = linuxLayout(bits.UintSize / 8)

func familyOf(uintptr) (Family, error) {
	return 0, fmt.Errorf("packet information on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

var option4, option6 option

func needs(Family) (Messages, error) {
	_, err := familyOf(0)
	return Messages{}, err
}

func (*option) get(uintptr) bool       { return false }
func (*option) set(uintptr, int) error { return nil }
