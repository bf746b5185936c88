//go:build linux

package compare

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dsrudp/go-dsrudp/examples/lab/page"
)

// WriteText writes the result for people, in short: the table, the document's pros and
// cons with what was measured of them, and whether all is as it has to be. The answers in
// full are in what WriteHTML and WriteJSON write.
func (r *Result) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n", page.Heading.Sprint("What they do, measured in the lab"))
	r.writeTable(w)
	fmt.Fprintf(w, "\n%s\n", page.Heading.Sprint("The document's pros and cons, held against what was measured"))
	before := ""
	for _, c := range r.Claims() {
		if c.Repair != before {
			fmt.Fprintf(w, "\n  %s\n", r.repair(c.Repair).Name)
			before = c.Repair
		}
		outcome := map[Outcome]text.Colors{Confirmed: page.Good, Refuted: page.Bad}[c.Outcome].Sprint(c.Outcome)
		fmt.Fprintf(w, "    %s  %s: %s\n", c.Side, c.Says, outcome)
		page.Paragraph(w, "           ", 11, c.Evidence)
	}
	for _, p := range r.Repairs {
		if p.rules != nil && !p.rules.byTool {
			page.Paragraph(w, "\n  ", 2, fmt.Sprintf("%s: %s", p.Name, p.Note))
		}
	}
	r.writeVerdict(w)
}

// writeTable writes the table of all cells: marks, and numbers where the verdict is
// a matter of degree.
func (r *Result) writeTable(w io.Writer) {
	t := page.Table(w, " ")
	head := table.Row{""}
	configs := []table.ColumnConfig{{Number: 1, WidthMax: 19, WidthMaxEnforcer: text.WrapSoft}}
	for i, p := range r.Repairs {
		head = append(head, p.Short)
		configs = append(configs, table.ColumnConfig{Number: i + 2, Transformer: colour, WidthMax: 10, WidthMaxEnforcer: text.WrapSoft})
	}
	t.AppendHeader(head)
	t.SetColumnConfigs(configs)
	for _, q := range r.Questions {
		row := table.Row{q.Title}
		for _, p := range r.Repairs {
			row = append(row, r.Cell(p.ID, q.ID).Mark())
		}
		t.AppendRow(row)
	}
	t.Render()
}

// Marks of verdicts.
const (
	yes = "✓"
	no  = "✗"
)

// Mark returns the cell in a few characters.
func (c *Cell) Mark() string {
	m := map[Verdict]string{Met: yes, NotMet: no, TooLarge: "too large", Failed: "failed"}[c.Verdict]
	if c.Short != "" {
		m += " " + c.Short
	}
	if c.Differs != "" {
		m += " !"
	}
	return m
}

func colour(v any) string {
	s := fmt.Sprint(v)
	switch {
	case strings.HasPrefix(s, yes):
		return page.Good.Sprint(s)
	case strings.HasPrefix(s, no):
		return page.Bad.Sprint(s)
	}
	return s
}

// writeVerdict says in plain words whether it was as it has to be.
func (r *Result) writeVerdict(w io.Writer) {
	fmt.Fprintln(w)
	if faults := r.Faults(); len(faults) > 0 {
		fmt.Fprintln(w, page.Bad.Sprint("Not as expected:"))
		for _, f := range faults {
			page.Paragraph(w, "  ", 4, f)
		}
		return
	}
	expected, met, asked := 0, 0, 0
	for _, c := range r.Cells {
		if c.Expected != "" {
			expected++
		}
		if c.Repair == DSRUDP {
			asked++
			if c.Verdict == Met {
				met++
			}
		}
	}
	fmt.Fprintln(w, page.Heading.Sprint("As expected:"))
	fmt.Fprintf(w, "  Of %d of %d cells it was known before what had to come, and it came.\n", expected, len(r.Cells))
	if asked > 0 {
		fmt.Fprintf(w, "  dsrudp meets %d of %d questions.\n", met, asked)
	}
	fmt.Fprintln(w, "  What exactly was asked and answered, and the repairs' commands, are in -report DIR.")
	page.Paragraph(w, "  ", 2, fmt.Sprintf("On %v.", r.Machine))
	if r.Part != "" {
		fmt.Fprintf(w, "  It is a part of the comparison: %s.\n", r.Part)
	}
}
