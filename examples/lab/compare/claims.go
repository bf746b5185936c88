//go:build linux

package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dsrudp/go-dsrudp/examples/lab/page"
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
	Side    string  `json:"side"` // pro or con, as in the document's table
	Says    string  `json:"says"`
	Outcome Outcome `json:"outcome"`

	// Evidence are the cells that decide, or why there are none.
	Evidence string `json:"evidence"`

	// Questions are those whose cells decide.
	Questions []string `json:"questions"`
}

// A check says what a cell has to have for a claim to be true.
type check struct {
	question string
	holds    func(r *Result, c *Cell) (holds bool, evidence string)
}

// Checks of the document's claims.
var (
	serves = []check{{"two-vips", is(Met)}, {"internal-external", is(Met)}}
	fails  = []check{{"two-vips", is(NotMet)}, {"internal-external", is(NotMet)}}

	programStays = []check{{"change", func(_ *Result, c *Cell) (bool, string) {
		return c.Numbers["lines"] == 0, page.Plural(int(c.Numbers["lines"]), "line")
	}}}

	oneLineBinds = []check{{"change", func(_ *Result, c *Cell) (bool, string) {
		n := c.Numbers["lines for one VIP"]
		return n == 1, fmt.Sprintf("%s for one VIP alone, %.0f for a socket for each", page.Plural(int(n), "line"), c.Numbers["lines"])
	}}}

	oneSocketFails = []check{{"two-vips", func(_ *Result, c *Cell) (bool, string) {
		n, got := c.Numbers["requests bound to one"], c.Numbers["accepted bound to one"]
		return got < n, fmt.Sprintf("bound to one alone %.0f of %.0f accepted; %s with a socket for each, of which the document does not speak", got, n, c.Verdict)
	}}}

	// A difference of processor time counts from one twentieth on. That the naive
	// program comes to about 1 against itself, cpu sees to.
	extraCPU = []check{{"cpu", func(_ *Result, c *Cell) (bool, string) {
		return c.Numbers["ratio"] > 1.05, c.Short + " the naive program's"
	}}}

	// Stateless, and besides the naive program's it takes less than half of the
	// processor time that DNAT does.
	muchLess = []check{{"memory", is(Met)}, {"cpu", func(r *Result, c *Cell) (bool, string) {
		dnat := r.Cell(DNATIPTables, "cpu")
		if dnat == nil {
			return false, c.Short + ", and DNAT was not measured"
		}
		return c.Numbers["ratio"]-1 < (dnat.Numbers["ratio"]-1)/2, fmt.Sprintf("%s, DNAT %s", c.Short, dnat.Short)
	}}}
)

// is returns whether a verdict is v.
func is(v Verdict) func(*Result, *Cell) (bool, string) {
	return func(_ *Result, c *Cell) (bool, string) {
		return c.Verdict == v, strings.TrimSuffix(fmt.Sprintf("%s, %s", c.Verdict, c.Short), ", ")
	}
}

// document are the pros and cons of Google's document, in its order and in short. A
// claim without checks cannot be decided here, and says why.
var document = []struct {
	repairs []string // either DNAT is one repair in two ways, of which the document has the first
	side    string
	says    string
	checks  []check
	open    string
}{
	{[]string{DNATIPTables, DNATNFT}, "pro", "the program stays as it is", programStays, ""},
	{[]string{DNATIPTables, DNATNFT}, "pro", "serves several load balancers", serves, ""},
	{[]string{DNATIPTables, DNATNFT}, "con", "takes extra CPU", extraCPU, ""},
	{[]string{DNATIPTables, DNATNFT}, "con", "is stateful, so that memory grows with the clients", []check{{"memory", is(NotMet)}}, ""},

	{[]string{Mangle}, "pro", "the program stays as it is", programStays, ""},
	{[]string{Mangle}, "pro", "is stateless, and takes much less than DNAT", muchLess, ""},
	{[]string{Mangle}, "con", "does not serve several load balancers", fails, ""},
	{[]string{Mangle}, "con", "takes extra CPU", extraCPU, ""},
	{[]string{Mangle}, "con", "needs a kernel above 4.10, and some distributions have no nftables", nil, "a run has one kernel; no older one was tried"},

	{[]string{Bind}, "pro", "is a simple change to the program", oneLineBinds, ""},
	{[]string{Bind}, "con", "does not serve several load balancers", oneSocketFails, ""},

	{[]string{Pktinfo}, "pro", "serves several load balancers, an internal beside an external one too", serves, ""},
	{[]string{Pktinfo}, "con", "needs complex changes to the program", []check{{"change", is(NotMet)}}, ""},
	{[]string{Pktinfo}, "con", "cannot be had in some programs", nil, "it is of programs that are not here"},
}

// Claims holds the document's pros and cons against the cells, in the order of the
// repairs. One is confirmed if every check holds, and refuted if one does not.
func (r *Result) Claims() []Claim {
	claims := []Claim{} // a list in JSON, also when it is empty
	for _, p := range r.Repairs {
		for _, row := range document {
			if !slices.Contains(row.repairs, p.ID) {
				continue
			}
			c := Claim{Repair: p.ID, Side: row.side, Says: row.says, Outcome: Confirmed, Evidence: row.open, Questions: []string{}}
			if len(row.checks) == 0 {
				c.Outcome = NotMeasured
			}
			var says []string
			for _, k := range row.checks {
				holds, found := false, "not asked in this run"
				cell := r.Cell(p.ID, k.question)
				measured := cell != nil && (cell.Verdict == Met || cell.Verdict == NotMet)
				switch {
				case measured:
					holds, found = k.holds(r, cell)
				case cell != nil:
					found = fmt.Sprintf("%s: %s", cell.Verdict, cell.Says)
				}
				switch {
				case measured && !holds:
					c.Outcome = Refuted
				case !measured && c.Outcome != Refuted:
					c.Outcome = NotMeasured
				}
				c.Questions = append(c.Questions, k.question)
				says = append(says, fmt.Sprintf("%s: %s", r.question(k.question).Title, found))
			}
			if len(says) > 0 {
				c.Evidence = strings.Join(says, "; ")
			}
			claims = append(claims, c)
		}
	}
	return claims
}
