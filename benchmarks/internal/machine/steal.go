//go:build linux

package machine

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

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
