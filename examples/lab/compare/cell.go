//go:build linux

package compare

import "github.com/dsrudp/go-dsrudp/internal/lab"

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

	// Happened is what Expected is held against, piece by piece.
	Happened []string `json:"happened,omitempty"`

	// Work is what was seen at work for the answers, scene by scene: what the
	// program's sockets were, and whether connections were tracked.
	Work []string `json:"work,omitempty"`

	// Expected is the verdict that had to come, or empty if none had to; Why
	// is the fact that it follows from.
	Expected Verdict `json:"expected,omitempty"`
	Why      string  `json:"why,omitempty"`

	// Surprise says that another came, or for another reason.
	Surprise bool `json:"surprise,omitempty"`

	// Differs says of a surprise in what it is one.
	Differs string `json:"differs,omitempty"`

	// Wires are what captures saw.
	Wires []Wire `json:"-"`
}

// A Wire is what crossed an interface during a run.
type Wire struct {
	Host    string
	Packets []lab.Packet
}

// A finding is what came of putting a question.
type finding struct {
	verdict Verdict
	says    string
	short   string

	// happened is what an expectation is held against, piece by piece: of
	// requests what became of those to each address in each scene.
	happened []string

	work []string // what was seen at work, by which idle tells repairs apart

	numbers map[string]float64
	wires   []Wire
}

// verdict returns Met if it is.
func verdict(met bool) Verdict {
	if met {
		return Met
	}
	return NotMet
}
