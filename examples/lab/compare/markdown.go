//go:build linux

package compare

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the table of all cells as one for a README.
func (r *Result) WriteMarkdown(w io.Writer) {
	head, rule := "| |", "|---|"
	for _, p := range r.Repairs {
		head += " " + p.Name + " |"
		rule += "---|"
	}
	fmt.Fprintf(w, "%s\n%s\n", head, rule)
	for _, q := range r.Questions {
		line := "| " + q.Title + " |"
		for _, p := range r.Repairs {
			c := r.Cell(p.ID, q.ID)
			words := map[Verdict]string{Met: "met", NotMet: "**not met**"}[c.Verdict]
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
		fmt.Fprintln(w, line)
	}
}
