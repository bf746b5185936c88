package main

import (
	"fmt"
	"regexp"
	"strings"
)

// selects fails unless s selects a test of those that the output shows to have
// run. go test itself takes no offence at a pattern that matches nothing, or only
// a test and none of the subtests that it is about.
func (s selection) selects(output string) error {
	for alternative := range strings.SplitSeq(s.run, "|") {
		var elements []*regexp.Regexp
		for e := range strings.SplitSeq(alternative, "/") {
			r, err := regexp.Compile(e)
			if err != nil {
				return fmt.Errorf("%v: %w; groups with | or / in them are not supported", s, err)
			}
			elements = append(elements, r)
		}
		if !anyMatches(elements, started.FindAllStringSubmatch(output, -1)) {
			return fmt.Errorf("%s of %v selects no tests", alternative, s)
		}
	}
	return nil
}

func anyMatches(elements []*regexp.Regexp, names [][]string) bool {
	for _, n := range names {
		if matches(elements, strings.Split(n[1], "/")) {
			return true
		}
	}
	return false
}

// matches reports whether the test with a name is the one, or one of those, that
// a pattern asks for.
func matches(elements []*regexp.Regexp, name []string) bool {
	if len(name) < len(elements) {
		return false
	}
	for i, e := range elements {
		if !e.MatchString(name[i]) {
			return false
		}
	}
	return true
}
