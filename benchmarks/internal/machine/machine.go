//go:build linux

// Package machine has what depends on the machine that benchmarks run on: its
// processors, which processes run on which of them, and clocks.
package machine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Description says what the results of a run depend on.
type Description struct {
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Arch   string `json:"arch"`
}

// Describe describes this machine. It does not say whose it is.
func Describe() Description {
	d := Description{CPU: "unknown", CPUs: runtime.NumCPU(), Kernel: "unknown", Go: runtime.Version(), Arch: runtime.GOARCH}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		d.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := modelOf(info); m != "" {
			d.CPU = m
		}
	}
	return d
}

// modelOf reads proc_cpuinfo(5), which on some architectures has no model name.
func modelOf(info []byte) string {
	for line := range bytes.Lines(info) {
		name, value, ok := strings.Cut(string(line), ":")
		if ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (d Description) String() string {
	return fmt.Sprintf("%d × %s (%s), %s, %s", d.CPUs, d.CPU, d.Arch, d.Kernel, d.Go)
}

// A Place is where a process runs: on which processors, and by which policy.
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

// enter moves the calling thread.
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

// A Clock is the CPU time that a process has taken, in nanoseconds, with all of
// its threads.
type Clock int32

// Own is the clock of this process.
const Own Clock = unix.CLOCK_PROCESS_CPUTIME_ID

// CPUClock returns the clock of a process. Any user may read it.
func CPUClock(pid int) (Clock, error) {
	// clock_getcpuclockid(3) is the C library's own: these are
	// MAKE_PROCESS_CPUCLOCK and CPUCLOCK_SCHED of the kernel.
	const sched = 2
	c := Clock(^int32(pid)<<3 | sched)
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(c), &ts); err != nil {
		return 0, fmt.Errorf("clock_gettime: %w", err)
	}
	return c, nil
}

// Read returns the time. It is 0 when the process is gone.
func (c Clock) Read() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(c), &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// Steal returns the time for which a hypervisor had this machine's processors
// do something else, since the start, by steps of 10 ms. It is 0 where the
// kernel does not say.
func Steal() time.Duration {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	return stealOf(stat)
}

// stealOf reads the first line of proc_stat(5): "cpu" and the ticks of user,
// nice, system, idle, iowait, irq, softirq, steal. A tick is 10 ms on every
// architecture that Go runs on.
func stealOf(stat []byte) time.Duration {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0
	}
	ticks, err := strconv.ParseInt(string(fields[8]), 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
