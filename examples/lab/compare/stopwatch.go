//go:build linux

package compare

import (
	"syscall"
	"time"
)

// rusageThread is RUSAGE_THREAD of getrusage(2).
const rusageThread = 1

// switches returns how often the scheduler has taken the processor from the
// calling thread, or was given it.
func switches() (int64, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		return 0, err
	}
	return int64(u.Nvcsw + u.Nivcsw), nil
}

// undisturbed runs f on the calling thread until it had the processor to itself
// all the time, and returns how long f then took by its own account. That is
// processor time with everything in it, also interrupts that kernels account
// for in different ways. It gives up after some attempts.
func undisturbed(f func() (time.Duration, error)) (d time.Duration, ok bool, err error) {
	const attempts = 10
	for range attempts {
		before, err := switches()
		if err != nil {
			return 0, false, err
		}
		if d, err = f(); err != nil {
			return 0, false, err
		}
		after, err := switches()
		if err != nil {
			return 0, false, err
		}
		if before == after {
			return d, true, nil
		}
	}
	return d, false, nil
}
