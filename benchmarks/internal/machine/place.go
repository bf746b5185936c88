//go:build linux

// Package machine knows the machine that benchmarks run on: its processors,
// who runs on which of them, and what they spend their time on.
package machine

import (
	"fmt"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Place is where a process runs: on which processors, and how politely.
type Place struct {
	CPUs []int
	// Batch is for processes that share a processor: under SCHED_BATCH one
	// that is woken waits until the other has nothing to do, see sched(7).
	Batch bool
}

// CPUs returns the processors that this process may use.
func CPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("machine: sched_getaffinity: %w", err)
	}
	var cpus []int
	for i := range len(set) * int(unsafe.Sizeof(set[0])) * 8 {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus, nil
}

// Start starts a command in a place. What it starts in turn is there too.
func Start(cmd *exec.Cmd, p Place) error {
	// A process inherits these from the thread that starts it. The thread ends
	// with its goroutine as it is not unlocked, so nothing has to be put back.
	// Cmd must not have a parent death signal: this thread is the parent.
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := p.enter()
		if err == nil {
			err = cmd.Start()
		}
		done <- err
	}()
	return <-done
}

// Enter moves the calling thread.
func (p Place) enter() error {
	var set unix.CPUSet
	for _, c := range p.CPUs {
		set.Set(c)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("machine: sched_setaffinity to processors %v: %w", p.CPUs, err)
	}
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}
	if p.Batch {
		attr.Policy = unix.SCHED_BATCH
	}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		return fmt.Errorf("machine: sched_setattr: %w", err)
	}
	return nil
}
