package main

import (
	"fmt"
	"io"
	"strings"
)

func printText(w io.Writer, sections []section) {
	for i, s := range sections {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, s.title)
		for _, r := range s.rows {
			fmt.Fprintf(w, "\n  %-6s %s\n", r.id, strings.Join(wrap(r.says, 70), "\n         "))
			for _, t := range r.tests {
				fmt.Fprintf(w, "         - %s\n", t)
			}
		}
	}
}

// wrap breaks s into lines of at most width bytes where its words allow it.
func wrap(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

func printMarkdown(w io.Writer, sections []section) {
	cell := strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`).Replace
	for i, s := range sections {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "### %s\n\n| | | proven by |\n|---|---|---|\n", s.title)
		for _, r := range s.rows {
			var tests []string
			for _, t := range r.tests {
				dir, name, _ := strings.Cut(string(t), " ")
				tests = append(tests, fmt.Sprintf("%s `%s`", dir, strings.ReplaceAll(name, "|", `\|`)))
			}
			fmt.Fprintf(w, "| %s | %s | %s |\n", r.id, cell(r.says), strings.Join(tests, "<br>"))
		}
	}
}
