package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// neverSkipped are the packages of which no test may be skipped in any run.
var neverSkipped = regexp.MustCompile(`^` + regexp.QuoteMeta(module) + `/(internal/lab|examples)(/|$)`)

// check returns what is wrong, in words: first what went wrong in the runs, then
// what the table names and the runs do not prove. Only tests of packages that
// among matches are asked for.
func (rs *results) check(sections []section, among *regexp.Regexp) (problems []string) {
	passed := 0
	for _, t := range rs.order {
		if t.name != "" {
			passed += rs.outcomes[t].passed
		}
		if why := rs.wrong(t); why != "" {
			problems = append(problems, fmt.Sprintf("%v %s", t, why))
		}
	}
	if passed == 0 {
		problems = append(problems, "no test ran; give the output of go test -json")
	}
	for _, s := range sections {
		for _, r := range s.rows {
			if len(r.tests) == 0 {
				problems = append(problems, fmt.Sprintf("%s has no test", r.id))
			}
			for _, p := range r.tests {
				t := p.test()
				if !among.MatchString(t.pkg) {
					continue
				}
				if why := rs.unproven(t); why != "" {
					problems = append(problems, fmt.Sprintf("%s: %v %s", r.id, t, why))
				}
			}
		}
	}
	return problems
}

// wrong says what is wrong with a test whatever it is to prove, or nothing.
func (rs *results) wrong(t test) string {
	o := rs.outcomes[t]
	switch {
	case o.failed > 0:
		return "failed"
	case o.unfinished():
		return "did not end"
	case t.name != "" && o.skipped > 0 && neverSkipped.MatchString(t.pkg):
		return "was skipped, which no test of the lab or the examples may be"
	}
	return ""
}

// printWrong prints what the tests printed that something is wrong with.
func (rs *results) printWrong(w io.Writer) {
	for _, t := range rs.order {
		if o := rs.outcomes[t]; rs.wrong(t) != "" && o.output.Len() > 0 {
			fmt.Fprintf(w, "=== %v\n%s\n", t, o.output.String())
		}
	}
}

// unproven says why t is not proof, or nothing if it is: t passed, and so did
// each of its subtests. A test that passes although all it is about was skipped
// in a subtest proves nothing.
func (rs *results) unproven(t test) string {
	o := rs.outcomes[t]
	switch {
	case o == nil:
		return "does not exist in the output"
	case o.failed > 0:
		return "failed"
	case o.passed == 0 && o.skipped > 0:
		return "was skipped"
	case o.passed == 0:
		return "did not end"
	}
	for sub, o := range rs.outcomes {
		if sub.pkg == t.pkg && strings.HasPrefix(sub.name, t.name+"/") && o.passed == 0 && o.skipped > 0 {
			return fmt.Sprintf("had its subtest %s skipped", sub.name)
		}
	}
	return ""
}

// summary says how much was proven.
func (rs *results) summary(sections []section, among *regexp.Regexp) string {
	rows, tests, packages := 0, 0, 0
	named := make(map[test]bool)
	for _, s := range sections {
		for _, r := range s.rows {
			asked := false
			for _, p := range r.tests {
				if t := p.test(); among.MatchString(t.pkg) {
					named[t], asked = true, true
				}
			}
			if asked {
				rows++
			}
		}
	}
	for t, o := range rs.outcomes {
		switch {
		case t.name == "" && o.passed > 0:
			packages++
		case o.passed > 0:
			tests++
		}
	}
	return fmt.Sprintf("%d tests of %d packages passed, among them the %d that prove %d rows", tests, packages, len(named), rows)
}
