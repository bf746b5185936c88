//go:build linux

package compare

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dsrudp/go-dsrudp/examples/lab/style"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

// WriteText writes the result for people: the repairs and what is typed for
// them, the table, the document's pros and cons with what was measured of them,
// the answers in full, and whether all is as it has to be.
func (r *Result) WriteText(w io.Writer) {
	r.writeCommands(w)
	fmt.Fprintf(w, "\n%s\n\n", style.Heading.Sprint("What they do, measured in the lab"))
	t := r.matrix()
	t.SetOutputMirror(w)
	t.Render()
	r.writeClaims(w)
	for _, p := range r.Repairs {
		r.writeAnswers(w, p)
	}
	r.writeVerdict(w)
}

// writeCommands writes what a person types, and what is mended in it.
func (r *Result) writeCommands(w io.Writer) {
	fmt.Fprintln(w, style.Heading.Sprint("The repairs, as they are typed on a backend"))
	paragraph(w, "  ", "  ", fmt.Sprintf("It is %v or %v; the VIPs are %v, %v and %v.", lab.FirstInternal4, lab.FirstInternal6, lab.FirstVIP4, lab.SecondVIP4, lab.FirstVIP6))
	paragraph(w, "  ", "  ", sharedTables)
	for _, p := range r.Repairs {
		fmt.Fprintf(w, "\n  %s\n", p.Name)
		if p.Note != "" {
			paragraph(w, "    (", "    ", p.Note+")")
		}
		for _, c := range p.commandSets() {
			fmt.Fprintf(w, "    %s:\n", c.Title)
			for _, line := range c.Lines {
				fmt.Fprintf(w, "      %s\n", line) // in one line, to be copied
			}
		}
	}
	fmt.Fprintf(w, "\n%s\n", style.Heading.Sprint("Mended in them, as against the document"))
	for _, t := range repair.Typos {
		fmt.Fprintln(w)
		fmt.Fprintf(w, "  %s\n", t.Printed)
		paragraph(w, "    ", "    ", t.Wrong)
		if t.Mended == "" {
			fmt.Fprintln(w, "  instead: nothing; it is left out")
		} else {
			fmt.Fprintf(w, "  instead:\n  %s\n", t.Mended)
		}
	}
}

// matrix returns the table of all cells: marks, and numbers where the verdict is
// a matter of degree.
func (r *Result) matrix() table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleDefault)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Options = table.Options{SeparateHeader: true}
	t.Style().Box.PaddingLeft, t.Style().Box.PaddingRight = " ", ""
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
			row = append(row, r.Cell(p.ID, q.ID).mark())
		}
		t.AppendRow(row)
	}
	return t
}

// Marks of verdicts.
const (
	yes = "✓"
	no  = "✗"
)

// mark returns the cell in a few characters.
func (c *Cell) mark() string {
	m := map[Verdict]string{Met: yes, NotMet: no, TooLarge: "too large", Failed: "failed", "": "empty"}[c.Verdict]
	if c.Short != "" {
		m += " " + c.Short
	}
	if c.Surprise {
		m += " !"
	}
	return m
}

func colour(v any) string {
	s := fmt.Sprint(v)
	switch {
	case strings.HasPrefix(s, yes):
		return style.Good.Sprint(s)
	case strings.HasPrefix(s, no):
		return style.Bad.Sprint(s)
	}
	return s
}

// writeAnswers writes what came of every question to one repair, those that it
// meets first.
func (r *Result) writeAnswers(w io.Writer, p Repair) {
	fmt.Fprintf(w, "\n%s\n", style.Heading.Sprint(p.Name))
	for _, side := range []struct {
		name string
		has  func(Verdict) bool
	}{
		{"met", func(v Verdict) bool { return v == Met }},
		{"not met", func(v Verdict) bool { return v == NotMet }},
		{"open", func(v Verdict) bool { return v != Met && v != NotMet }},
	} {
		name := side.name
		for _, q := range r.Questions {
			c := r.Cell(p.ID, q.ID)
			if !side.has(c.Verdict) {
				continue
			}
			says := fmt.Sprintf("%s: %s", q.Title, c.Says)
			if !side.has(Met) && !side.has(NotMet) {
				says = fmt.Sprintf("%s: %s: %s", q.Title, c.Verdict, c.Says)
			}
			paragraph(w, fmt.Sprintf("  %-7s  ", name), "             ", says)
			name = ""
		}
	}
}

// writeVerdict says in plain words whether it was as it has to be.
func (r *Result) writeVerdict(w io.Writer) {
	fmt.Fprintln(w)
	if faults := r.Faults(); len(faults) > 0 {
		fmt.Fprintln(w, style.Bad.Sprint("Not as expected:"))
		for _, f := range faults {
			paragraph(w, "  ", "    ", f)
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
	fmt.Fprintln(w, style.Heading.Sprint("As expected:"))
	paragraph(w, "  ", "  ", fmt.Sprintf("%s; of %d it was known before what had to come, and it came.", r.whence(), expected))
	if asked > 0 {
		fmt.Fprintf(w, "  dsrudp meets %d of %d questions.\n", met, asked)
	}
	paragraph(w, "  ", "  ", fmt.Sprintf("On %v.", r.Machine))
	if r.Part != "" {
		fmt.Fprintf(w, "  It is a part of the comparison: %s.\n", r.Part)
	}
}

// paragraph writes words in lines that fit, with what goes before the first and
// before the others.
func paragraph(w io.Writer, first, others, words string) {
	lines := strings.Split(text.WrapSoft(words, style.Width-len(others)-2), "\n")
	for i, l := range lines {
		if i > 0 {
			first = others
		}
		fmt.Fprintln(w, first+strings.TrimRight(l, " "))
	}
}
