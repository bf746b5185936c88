//go:build linux

package compare

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A Result is the outcome of a comparison.
type Result struct {
	// Part says how much of the comparison it is, and is empty if it is all.
	Part string `json:"part,omitempty"`

	Machine   Machine    `json:"machine"`
	Repairs   []Repair   `json:"repairs"`
	Questions []Question `json:"questions"`
	Cells     []Cell     `json:"cells"` // question by question
}

// A Verdict is the short form of what a run said to a question.
type Verdict string

const (
	Met      Verdict = "met"
	NotMet   Verdict = "not met"
	TooLarge Verdict = "too large to fill here" // of a table of connections: nothing was found out
	Failed   Verdict = "failed"                 // the question could not be put; the cell has the error
)

// A Cell is what one run said to one question about one repair.
type Cell struct {
	Repair   string  `json:"repair"`
	Question string  `json:"question"`
	Verdict  Verdict `json:"verdict"`

	// Says is a sentence with what was measured.
	Says string `json:"says"`

	// Short is its core in a few characters, where the verdict is a matter of
	// degree; else it is empty.
	Short string `json:"short,omitempty"`

	// Numbers are what was measured, by name.
	Numbers map[string]float64 `json:"numbers,omitempty"`

	// Happened is what Expected is held against, network by network.
	Happened []string `json:"happened,omitempty"`

	// Expected is the verdict that had to come, or empty if none had to; Why
	// is the fact that it follows from.
	Expected Verdict `json:"expected,omitempty"`
	Why      string  `json:"why,omitempty"`

	// Differs says in what another came, or for another reason.
	Differs string `json:"differs,omitempty"`

	// Wires are what captures saw.
	Wires []Wire `json:"-"`
}

// A Wire is what crossed an interface during a run.
type Wire struct {
	Host    string
	Packets []lab.Packet
}

// verdict returns Met if it is.
func verdict(met bool) Verdict {
	if met {
		return Met
	}
	return NotMet
}

// failed returns the cell of a question that could not be put.
func failed(err error) Cell { return Cell{Verdict: Failed, Says: err.Error()} }

// notePlace returns the cell with where the repair was asked, if it was not at the
// VIP.
func (c Cell) notePlace(r Repair) Cell {
	if r.ID == None {
		c.Says += " (asked at the machine's own address)"
		c.Short = strings.TrimPrefix(c.Short+", own address", ", ")
	}
	return c
}

// Cell returns the cell of a repair and a question, or nil.
func (r *Result) Cell(repair, question string) *Cell {
	for i, c := range r.Cells {
		if c.Repair == repair && c.Question == question {
			return &r.Cells[i]
		}
	}
	return nil
}

func (r *Result) repair(id string) Repair {
	for _, p := range r.Repairs {
		if p.ID == id {
			return p
		}
	}
	return Repair{Name: id}
}

func (r *Result) question(id string) Question {
	for _, q := range r.Questions {
		if q.ID == id {
			return q
		}
	}
	return Question{Title: id}
}

// Faults returns what was not as it has to be: questions that could not be put,
// cells that differ from what is expected, and questions that dsrudp does not meet.
// There are none if the comparison is good. A table of connections that is too large
// to fill is the machine's, and no fault.
func (r *Result) Faults() []string {
	faults := []string{} // a list in JSON, also when it is empty
	for _, c := range r.Cells {
		name := fmt.Sprintf("%s, %s", r.question(c.Question).Title, r.repair(c.Repair).Name)
		switch {
		case c.Verdict == Failed:
			faults = append(faults, fmt.Sprintf("%s: could not be found out: %s", name, c.Says))
		case c.Differs != "":
			faults = append(faults, fmt.Sprintf("%s: %s, %s: %s", name, c.Verdict, c.Differs, c.Says))
		case c.Repair == DSRUDP && c.Verdict == NotMet:
			faults = append(faults, fmt.Sprintf("%s: %s: %s", name, c.Verdict, c.Says))
		}
	}
	return faults
}

// A Machine is where and when a comparison ran.
type Machine struct {
	When       time.Time `json:"when"`
	Seconds    float64   `json:"seconds"`
	Kernel     string    `json:"kernel"`
	Go         string    `json:"go"`
	Processors int       `json:"processors"`
	Load       float64   `json:"load"` // of the minute before, or -1
	Root       bool      `json:"root"` // also outside the lab's namespaces
}

func thisMachine() Machine {
	m := Machine{
		When: time.Now().UTC().Round(time.Second), Kernel: proc("sys/kernel/osrelease"), Go: runtime.Version() + " " + runtime.GOARCH,
		Processors: runtime.NumCPU(), Load: -1,
	}
	fmt.Sscan(proc("loadavg"), &m.Load)
	inside, outside := -1, -1
	fmt.Sscan(proc("self/uid_map"), &inside, &outside)
	m.Root = inside == 0 && outside == 0
	return m
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

// thousands writes 262144 as 262 144.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// named returns the system call's error in err, with the name that the manuals have
// for it.
func named(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return fmt.Sprintf("%s, %v", unix.ErrnoName(errno), errno)
	}
	return err.Error()
}
