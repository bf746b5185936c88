//go:build linux

package compare

import "fmt"

// verdicts returns checks that the verdict on each of some questions is v.
func verdicts(v Verdict, questions ...string) []check {
	var checks []check
	for _, q := range questions {
		checks = append(checks, check{q, func(_ *Result, c *Cell) (answer, string) {
			return answered(c.Verdict == v), c.verdictAndNumber()
		}})
	}
	return checks
}

func (c *Cell) verdictAndNumber() string {
	if c.Short == "" {
		return string(c.Verdict)
	}
	return fmt.Sprintf("%s, %s", c.Verdict, c.Short)
}

// number returns a check of one number of a cell.
func number(question, name string, holds func(r *Result, c *Cell, n float64) (answer, string)) check {
	return check{question, func(r *Result, c *Cell) (answer, string) {
		n, ok := c.Numbers[name]
		if !ok {
			return unknown, fmt.Sprintf("%q was not measured", name)
		}
		return holds(r, c, n)
	}}
}

// programStays is that not a line of the program changes.
var programStays = number("change", "lines", func(_ *Result, _ *Cell, n float64) (answer, string) {
	return answered(n == 0), plural(int(n), "line")
})

// oneLineBinds is that binding to one VIP alone, as the document's program does,
// takes no more than a line.
var oneLineBinds = number("change", "lines for one VIP", func(_ *Result, c *Cell, n float64) (answer, string) {
	return answered(n <= 1), fmt.Sprintf("%s for one VIP alone, %.0f for a socket for each", plural(int(n), "line"), c.Numbers["lines"])
})

// oneSocketFails is that the document's program, bound to one VIP, does not answer
// for two.
var oneSocketFails = number("two-vips", "requests bound to one", func(_ *Result, c *Cell, n float64) (answer, string) {
	got := c.Numbers["accepted bound to one"]
	return answered(got < n), fmt.Sprintf("bound to one alone %.0f of %.0f accepted; %s with a socket for each, of which the document does not speak", got, n, c.Verdict)
})

// extraCPU is that the repair takes more than the naive program without one.
var extraCPU = number("cpu", "ratio", func(r *Result, c *Cell, n float64) (answer, string) {
	a, strays := r.moreCPU(n, 1)
	return a, fmt.Sprintf("%s the naive program's%s", c.Short, strays)
})

// muchLessCPUThanDNAT is that what the repair takes besides the naive program is
// less than half of what the document's first one does.
var muchLessCPUThanDNAT = number("cpu", "ratio", func(r *Result, c *Cell, n float64) (answer, string) {
	dnat := r.Cell(DNATIPTables, "cpu")
	if dnat == nil || dnat.Numbers["ratio"] == 0 {
		return unknown, c.Short + ", and DNAT was not measured in this run"
	}
	a, strays := r.moreCPU(dnat.Numbers["ratio"], n)
	if a == doesHold && n-1 >= (dnat.Numbers["ratio"]-1)/2 {
		a = doesNot
	}
	return a, fmt.Sprintf("%s, DNAT %s%s", c.Short, dnat.Short, strays)
})

// cpuMargin is by how much two ratios of processor time have to differ. The naive
// program is also measured against itself; where that strays as far, nothing can
// be said.
const cpuMargin = 0.05

// moreCPU says whether one ratio is above another, and if it cannot, why.
func (r *Result) moreCPU(more, less float64) (answer, string) {
	control := r.Cell(None, "cpu")
	if control == nil || control.Numbers["ratio"] == 0 {
		return unknown, ", but the naive program was not measured against itself"
	}
	if strays := control.Numbers["ratio"] - 1; strays > cpuMargin || strays < -cpuMargin {
		return unknown, fmt.Sprintf(", but the naive program measured against itself is %s", control.Short)
	}
	return answered(more-less > cpuMargin), ""
}
