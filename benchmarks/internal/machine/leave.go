//go:build linux

package machine

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Leave moves this process, all of its threads, off a processor, so that what
// is measured there is alone.
func Leave(cpu int) error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return fmt.Errorf("machine: sched_getaffinity: %w", err)
	}
	set.Clear(cpu)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("machine: listing threads: %w", err)
	}
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("machine: thread %q: %w", t.Name(), err)
		}
		// A thread may have ended since. New ones are where their makers are.
		if err := unix.SchedSetaffinity(tid, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("machine: sched_setaffinity of thread %d: %w", tid, err)
		}
	}
	return nil
}
