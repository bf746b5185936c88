//go:build linux

package compare

import (
	"fmt"
	"regexp"
)

// An expectation is the verdict that has to come, and why: by a fact of the
// kernel's, whose number is that of the tests in internal/lab/facts, or by what
// the library promises.
//
// A verdict alone would not do: a question is not met either if the server never
// ran. So an expectation also says what has to be seen.
type expectation struct {
	verdict Verdict
	why     string
	seen    []*regexp.Regexp
}

// met and unmet expect a verdict, and what the patterns say to have happened. A
// pattern is for one piece of it, from the beginning or after a comma, to the end.
func met(why string, patterns ...string) expectation { return expect(Met, why, patterns) }

func unmet(why string, patterns ...string) expectation { return expect(NotMet, why, patterns) }

func expect(v Verdict, why string, patterns []string) expectation {
	e := expectation{verdict: v, why: why}
	for _, p := range patterns {
		e.seen = append(e.seen, regexp.MustCompile("(?:^|, )(?:"+p+")$"))
	}
	return e
}

// differs says in what a finding is not as expected, or nothing if it is. Every
// pattern must have been seen, and nothing else. What could not be found out is no
// other finding; whether it is a fault is for Faults to say.
func (e expectation) differs(f finding) string {
	switch {
	case e.verdict == "" || f.verdict == TooLarge || f.verdict == Failed:
		return ""
	case f.verdict != e.verdict:
		return fmt.Sprintf("expected %s (%s)", e.verdict, e.why)
	case e.seen == nil:
		return ""
	}
	for _, p := range e.seen {
		if !matchesAny(f.happened, p) {
			return fmt.Sprintf("as expected, but not for the reason that was (%s): nothing matches %q", e.why, p)
		}
	}
	for _, h := range f.happened {
		if !anyMatches(e.seen, h) {
			return fmt.Sprintf("as expected, but not for the reason that was (%s): %q", e.why, h)
		}
	}
	return ""
}

func matchesAny(texts []string, p *regexp.Regexp) bool {
	for _, t := range texts {
		if p.MatchString(t) {
			return true
		}
	}
	return false
}

func anyMatches(ps []*regexp.Regexp, text string) bool {
	for _, p := range ps {
		if p.MatchString(text) {
			return true
		}
	}
	return false
}
