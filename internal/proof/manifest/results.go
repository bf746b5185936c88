package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// An event is what this program needs of a line of `go test -json`; see
// `go doc test2json`.
type event struct {
	Action  string
	Package string
	Test    string // empty for the package's own events
	Output  string
}

// A test is a test or subtest, or with an empty name all of a package.
type test struct{ pkg, name string }

func (t test) String() string {
	if t.name == "" {
		return t.pkg
	}
	return t.pkg + " " + t.name
}

// An outcome counts how a test ended over all runs, and keeps what it printed.
type outcome struct {
	started, passed, failed, skipped int

	output strings.Builder
}

// unfinished reports whether a run of the test began and did not end, as when
// the process died under it or the output was cut.
func (o *outcome) unfinished() bool { return o.started > o.passed+o.failed+o.skipped }

// results is what the output of one or more runs says.
type results struct {
	outcomes map[test]*outcome
	order    []test // in which they were first met
}

func newResults() *results { return &results{outcomes: make(map[test]*outcome)} }

func (rs *results) of(t test) *outcome {
	o := rs.outcomes[t]
	if o == nil {
		o = new(outcome)
		rs.outcomes[t] = o
		rs.order = append(rs.order, t)
	}
	return o
}

// read adds the output of a run. Every line has to be an event: what is not may
// be a cut or mixed-up record of the very test that matters.
func (rs *results) read(r io.Reader) error {
	br := bufio.NewReader(r)
	for line := 1; ; line++ {
		b, err := br.ReadBytes('\n')
		if b = bytes.TrimSpace(b); len(b) > 0 {
			var e event
			if err := json.Unmarshal(b, &e); err != nil {
				return fmt.Errorf("line %d is no event of go test -json: %w", line, err)
			}
			rs.add(e)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (rs *results) add(e event) {
	if e.Package == "" {
		return // of a build; the package that needed it fails by itself
	}
	o := rs.of(test{e.Package, e.Test})
	switch e.Action {
	case "start", "run":
		o.started++
	case "pass":
		o.passed++
	case "fail":
		o.failed++
	case "skip":
		o.skipped++
	case "output":
		o.output.WriteString(e.Output)
	}
}
