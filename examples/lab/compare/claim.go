//go:build linux

package compare

import (
	"fmt"
	"strings"
)

// A Side is the column of the document's table that a claim stands in.
type Side string

const (
	Pro Side = "pro"
	Con Side = "con"
)

// An Outcome is what became of a claim.
type Outcome string

const (
	Confirmed   Outcome = "confirmed"
	Refuted     Outcome = "refuted"
	NotMeasured Outcome = "not measured"
)

// A Claim is what the document says for or against one of its repairs, in short,
// and what the cells say to it.
type Claim struct {
	Repair  string  `json:"repair"`
	Side    Side    `json:"side"`
	Says    string  `json:"says"`
	Outcome Outcome `json:"outcome"`

	// Evidence are the cells that decide, or why there are none.
	Evidence string `json:"evidence"`

	// Questions are those whose cells decide.
	Questions []string `json:"questions"`
}

// A claimed is a row of the document's tables. It is confirmed if every check
// holds, and refuted if one does not. One without checks cannot be decided here,
// and says why.
type claimed struct {
	repairs []string
	side    Side
	says    string
	checks  []check
	open    string
}

// A check is what has to be in the cell of a repair and a question for a claim to
// be true.
type check struct {
	question string
	holds    func(r *Result, c *Cell) (answer, string)
}

// An answer is what a check found.
type answer int

const (
	unknown answer = iota // the cells do not tell
	doesHold
	doesNot
)

// answered returns the answer that a measured condition is.
func answered(holds bool) answer {
	if holds {
		return doesHold
	}
	return doesNot
}

// Claims holds the document's pros and cons against the cells, in the order of
// the repairs.
func (r *Result) Claims() []Claim {
	claims := []Claim{} // a list in JSON, also when it is empty
	for _, p := range r.Repairs {
		for _, row := range document {
			for _, id := range row.repairs {
				if id == p.ID {
					claims = append(claims, row.decide(r, id))
				}
			}
		}
	}
	return claims
}

// decide makes a row of the document's a claim about one repair.
func (row claimed) decide(r *Result, repair string) Claim {
	c := Claim{Repair: repair, Side: row.side, Says: row.says, Outcome: Confirmed, Questions: []string{}}
	if len(row.checks) == 0 {
		c.Outcome, c.Evidence = NotMeasured, row.open
		return c
	}
	var says []string
	for _, k := range row.checks {
		a, found := k.ask(r, repair)
		switch {
		case a == doesNot:
			c.Outcome = Refuted
		case a == unknown && c.Outcome != Refuted:
			c.Outcome = NotMeasured
		}
		c.Questions = append(c.Questions, k.question)
		says = append(says, fmt.Sprintf("%s: %s", r.question(k.question).Title, found))
	}
	c.Evidence = strings.Join(says, "; ")
	return c
}

// ask puts a check to the cell of a repair.
func (k check) ask(r *Result, repair string) (answer, string) {
	c := r.Cell(repair, k.question)
	switch {
	case c == nil:
		return unknown, "not asked in this run"
	case c.Verdict != Met && c.Verdict != NotMet:
		return unknown, fmt.Sprintf("%s: %s", c.Verdict, c.Says)
	}
	return k.holds(r, c)
}
