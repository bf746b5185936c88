//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Severity says what a finding asks of the reader. Only Bad makes the exit status 1.
type Severity int

const (
	OK   Severity = iota // looked at, and nothing is wrong
	Note                 // worth knowing
	Warn                 // wrong under a condition that cannot be seen from here
	Bad                  // wrong
)

var severities = []string{"ok", "note", "warn", "bad"}

func (s Severity) String() string               { return severities[s] }
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Finding is the outcome of one check.
type Finding struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Seen     string   `json:"seen"`
	Means    string   `json:"means,omitempty"`
	Do       string   `json:"do,omitempty"` // lines that begin with a tab are commands
}

// diagnose returns all findings for h, problems first.
func diagnose(h *Host) []Finding {
	var fs []Finding
	for _, check := range []func(*Host) []Finding{
		checkKernel, checkNetlink, checkVIPs, checkRPFilter, checkARP, checkListeners,
		checkFirewall, checkHealth, checkBuffers, checkNeighbours, checkLive, checkAnswers,
	} {
		fs = append(fs, check(h)...)
	}
	slices.SortStableFunc(fs, func(a, b Finding) int { return int(b.Severity - a.Severity) })
	return fs
}

// isWrong reports whether a finding is Bad.
func isWrong(fs []Finding) bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.Severity == Bad })
}

func printJSON(w io.Writer, fs []Finding) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		OK       bool      `json:"ok"`
		Findings []Finding `json:"findings"`
	}{!isWrong(fs), fs})
}

// printText prints a block for each finding, and at last how many there are of each kind.
// Findings with the same meaning share a block.
func printText(w io.Writer, fs []Finding) error {
	var b strings.Builder
	counts := make([]int, len(severities))
	for i, f := range fs {
		counts[f.Severity]++
		wrap(&b, fmt.Sprintf("%-4s  ", f.Severity), f.Seen+" ("+f.ID+")")
		if i+1 < len(fs) && f.ID == fs[i+1].ID && f.Means == fs[i+1].Means && f.Do == fs[i+1].Do {
			continue
		}
		wrap(&b, "      ", f.Means)
		first := "      Do: "
		for line := range strings.Lines(f.Do) {
			if command, ok := strings.CutPrefix(line, "\t"); ok {
				fmt.Fprintf(&b, "          %s\n", strings.TrimSuffix(command, "\n"))
			} else {
				wrap(&b, first, line)
			}
			first = "      "
		}
		if f.Severity != OK {
			b.WriteByte('\n')
		}
	}
	fmt.Fprintf(&b, "\nFound: %d bad, %s, %s, %d in order.\n",
		counts[Bad], plural(counts[Warn], "warning"), plural(counts[Note], "note"), counts[OK])
	_, err := io.WriteString(w, b.String())
	return err
}

// plural returns a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// width is that of a terminal.
const width = 80

// wrap writes text in lines, of which the first begins with first.
func wrap(b *strings.Builder, first, text string) {
	line := first
	for _, word := range strings.Fields(text) {
		if len(line)+len(word) > width {
			fmt.Fprintln(b, strings.TrimRight(line, " "))
			line = "      "
		}
		line += word + " "
	}
	if text != "" {
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
}

// list writes values with commas between them, and only the first of many.
func list[T any](values []T) string {
	const most = 8
	var s []string
	for i, v := range values {
		if i == most {
			s = append(s, fmt.Sprintf("and %d more", len(values)-most))
			break
		}
		s = append(s, fmt.Sprint(v))
	}
	return strings.Join(s, ", ")
}

// only returns the values for which want is true.
func only[T any](values []T, want func(T) bool) (some []T) {
	for _, v := range values {
		if want(v) {
			some = append(some, v)
		}
	}
	return some
}
