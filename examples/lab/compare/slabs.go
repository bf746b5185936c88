//go:build linux

package compare

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// slabs returns the number of bytes in the kernel's slabs that it cannot take
// back. It is the whole machine's.
func slabs() (int64, error) { return meminfo("SUnreclaim") }

// meminfo returns one of the numbers of /proc/meminfo, in bytes.
func meminfo(name string) (int64, error) {
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer file.Close()
	for sc := bufio.NewScanner(file); sc.Scan(); {
		if rest, ok := strings.CutPrefix(sc.Text(), name+":"); ok {
			var kB int64
			_, err := fmt.Sscan(rest, &kB)
			return kB << 10, err
		}
	}
	return 0, fmt.Errorf("compare: /proc/meminfo has no %s: which kernel is this?", name)
}

// entrySize returns how many bytes a tracked connection takes in its slab, or 0
// where the kernel does not tell: this one tells root alone.
func entrySize() int {
	n := 0
	if b, err := os.ReadFile("/sys/kernel/slab/nf_conntrack/slab_size"); err == nil {
		fmt.Sscan(string(b), &n)
	}
	return n
}

// How a reading is taken for steady: so many of them, one each interval, that do
// not differ by more than the tolerance. What does not come to rest within the
// bound is taken as it is, and shows as noise.
const (
	steadyReadings  = 5
	steadyInterval  = 20 * time.Millisecond
	steadyTolerance = 16 << 10
	steadyBound     = 600 * time.Millisecond
)

// steady returns what read reads once that has come to rest: the kernel frees in
// its own time what belonged to datagrams and hosts that are gone.
func steady(ctx context.Context, read func() (int64, error)) (n int64, err error) {
	ticks := time.NewTicker(steadyInterval)
	defer ticks.Stop()
	var first int64
	for i, same := 0, 0; same < steadyReadings && i < int(steadyBound/steadyInterval); i++ {
		if n, err = read(); err != nil {
			return 0, err
		}
		if same == 0 || max(n-first, first-n) > steadyTolerance {
			first, same = n, 0
		}
		same++
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return n, nil
}

// heapInUse returns the number of bytes in live objects.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
