//go:build linux

package compare

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the table of all cells, as one for a README, that of the
// document's claims, and the commands.
func (r *Result) WriteMarkdown(w io.Writer) error {
	var b bytes.Buffer
	if r.Part != "" {
		fmt.Fprintf(&b, "A part of the comparison: %s.\n\n", r.Part)
	}
	fmt.Fprintf(&b, "%s\n%s", r.MarkdownTable(), r.MarkdownClaims())
	for _, p := range r.Repairs {
		for _, c := range p.commandSets() {
			fmt.Fprintf(&b, "\n%s, %s:\n\n```sh\n%s\n```\n", p.Name, c.Title, strings.Join(c.Lines, "\n"))
		}
		if p.Note != "" {
			fmt.Fprintf(&b, "\n%s: %s.\n", p.Name, p.Note)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", sharedTables)
	_, err := b.WriteTo(w)
	return err
}

// MarkdownTable returns the table alone.
func (r *Result) MarkdownTable() string {
	var b strings.Builder
	head, rule := "| |", "|---|"
	for _, p := range r.Repairs {
		head += " " + p.Name + " |"
		rule += "---|"
	}
	fmt.Fprintf(&b, "%s\n%s\n", head, rule)
	for _, q := range r.Questions {
		line := "| " + q.Title + " |"
		for _, p := range r.Repairs {
			c := r.Cell(p.ID, q.ID)
			words := map[Verdict]string{Met: "met", NotMet: "**not met**", Failed: "**failed**"}[c.Verdict]
			if words == "" {
				words = string(c.Verdict)
			}
			if c.Short != "" {
				words += ", " + c.Short
			}
			if c.Surprise {
				words += " (!)"
			}
			line += " " + strings.ReplaceAll(words, "|", `\|`) + " |"
		}
		fmt.Fprintln(&b, line)
	}
	return b.String()
}
