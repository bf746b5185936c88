//go:build linux

package compare

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// A Machine is where and when a comparison ran.
type Machine struct {
	When       time.Time `json:"when"`
	Seconds    float64   `json:"seconds"`
	Kernel     string    `json:"kernel"`
	Go         string    `json:"go"`
	Processors int       `json:"processors"`
	Load       float64   `json:"load"` // of the minute before
	Root       bool      `json:"root"` // also outside the lab's namespaces
}

func thisMachine() Machine {
	return Machine{
		When: time.Now().UTC().Round(time.Second), Kernel: proc("sys/kernel/osrelease"), Go: runtime.Version() + " " + runtime.GOARCH,
		Processors: runtime.NumCPU(), Load: load(proc("loadavg")), Root: isRoot(proc("self/uid_map")),
	}
}

func (m Machine) String() string {
	user := "an ordinary user"
	if m.Root {
		user = "root"
	}
	return fmt.Sprintf("Linux %s, %d processors, %s, as %s, in %.0f seconds, with a load of %.2f before", m.Kernel, m.Processors, m.Go, user, m.Seconds, m.Load)
}

// proc returns what a file of /proc says, or "unknown".
func proc(name string) string {
	b, err := os.ReadFile("/proc/" + name)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// load returns the first of the averages, or -1 where there is none.
func load(averages string) float64 {
	l := -1.0
	fmt.Sscan(averages, &l)
	return l
}

// isRoot says by a map of user IDs whether the user that is root in the lab's
// namespace is so outside of it.
func isRoot(uidMap string) bool {
	inside, outside := -1, -1
	fmt.Sscan(uidMap, &inside, &outside)
	return inside == 0 && outside == 0
}
