//go:build linux

package compare

import (
	"fmt"
	"io"
	"strings"

	"github.com/dsrudp/go-dsrudp/examples/lab/style"
)

// writeClaims writes the document's pros and cons, and what was measured of them.
func (r *Result) writeClaims(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", style.Heading.Sprint("The document's pros and cons, held against what was measured"))
	repair := ""
	for _, c := range r.Claims() {
		if c.Repair != repair {
			fmt.Fprintf(w, "\n  %s\n", r.repair(c.Repair).Name)
			repair = c.Repair
		}
		outcome := string(c.Outcome)
		switch c.Outcome {
		case Confirmed:
			outcome = style.Good.Sprint(outcome)
		case Refuted:
			outcome = style.Bad.Sprint(outcome)
		}
		fmt.Fprintf(w, "    %s  %s: %s\n", c.Side, c.Says, outcome)
		paragraph(w, "           ", "           ", c.Evidence)
	}
}

// MarkdownClaims returns the document's pros and cons as a table, with what was
// measured of them.
func (r *Result) MarkdownClaims() string {
	var b strings.Builder
	b.WriteString("| repair | the document says | measured | by |\n|---|---|---|---|\n")
	for _, c := range r.Claims() {
		row := []string{r.repair(c.Repair).Name, fmt.Sprintf("%s: %s", c.Side, c.Says), string(c.Outcome), c.Evidence}
		if c.Outcome == Refuted {
			row[2] = "**refuted**"
		}
		for i, cell := range row {
			row[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}
