package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	public = module + "/dsrudp"
	facts  = module + "/internal/lab/facts"
)

// example is a table of two rows.
var example = []section{{"title", []row{
	{"K1", "a fact", []proof{"dsrudp TestA", "internal/lab/facts TestB/sub"}},
	{"P1", "a promise", []proof{"dsrudp TestA"}},
}}}

// stream is the output of a run of go test -json in which the tests ended as
// said, "TestA pass", and their packages passed, or failed if a test did.
func stream(pkg string, tests ...string) string {
	var b strings.Builder
	line := func(action, name string) {
		fmt.Fprintf(&b, `{"Time":"2025-01-01T00:00:00Z","Action":%q,"Package":%q,"Test":%q,"Output":%q}`+"\n", action, pkg, name, name+" printed this")
	}
	line("start", "")
	end := "pass"
	for _, t := range tests {
		name, action, _ := strings.Cut(t, " ")
		line("run", name)
		line("output", name)
		if action != "" {
			line(action, name)
		}
		if action == "fail" {
			end = action
		}
	}
	line(end, "")
	return b.String()
}

func checkStreams(t *testing.T, streams ...string) []string {
	t.Helper()
	rs := newResults()
	for _, s := range streams {
		require.NoError(t, rs.read(strings.NewReader(s)))
	}
	return rs.check(example, regexp.MustCompile(""))
}

var (
	goodPublic = stream(public, "TestA pass", "TestOther pass")
	goodFacts  = stream(facts, "TestB/sub pass", "TestB pass")
)

func TestCheckGood(t *testing.T) {
	require.Empty(t, checkStreams(t, goodPublic, goodFacts))
	require.Empty(t, checkStreams(t, goodPublic+goodFacts))
}

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		streams []string
		want    []string // a part of each problem
	}{
		"nothing ran": {[]string{""}, []string{
			"no test ran", "K1: " + public + " TestA does not exist", "K1: " + facts + " TestB/sub does not exist", "P1: " + public + " TestA does not exist",
		}},
		"no test files": {
			[]string{goodPublic, goodFacts, `{"Action":"start","Package":"p"}` + "\n" + `{"Action":"skip","Package":"p"}`}, nil,
		},
		"missing": {[]string{goodPublic, stream(facts, "TestB pass")}, []string{"K1: " + facts + " TestB/sub does not exist in the output"}},
		"failed": {[]string{stream(public, "TestA fail"), goodFacts}, []string{
			public + " failed", public + " TestA failed", "K1: " + public + " TestA failed", "P1: " + public + " TestA failed",
		}},
		"failed in one of two runs": {[]string{goodPublic, goodFacts, stream(public, "TestA fail")}, []string{
			public + " failed", public + " TestA failed", "K1: " + public + " TestA failed", "P1: " + public + " TestA failed",
		}},
		"failed, of no row":        {[]string{goodPublic, goodFacts, stream("p", "TestC fail")}, []string{"p failed", "p TestC failed"}},
		"package failed":           {[]string{goodPublic, goodFacts, `{"Action":"fail","Package":"p"}`}, []string{"p failed"}},
		"package did not end":      {[]string{goodPublic, goodFacts, `{"Action":"start","Package":"p"}`}, []string{"p did not end"}},
		"test did not end":         {[]string{stream(public, "TestA "), goodFacts}, []string{public + " TestA did not end", "K1: " + public + " TestA did not end", "P1: " + public + " TestA did not end"}},
		"skipped":                  {[]string{stream(public, "TestA skip"), goodFacts}, []string{"K1: " + public + " TestA was skipped", "P1: " + public + " TestA was skipped"}},
		"skipped and run":          {[]string{stream(public, "TestA skip"), goodPublic, goodFacts}, nil},
		"subtest skipped":          {[]string{stream(public, "TestA/x skip", "TestA pass"), goodFacts}, []string{"K1: " + public + " TestA had its subtest TestA/x skipped", "P1: "}},
		"subtest skipped and run":  {[]string{stream(public, "TestA/x skip", "TestA pass"), stream(public, "TestA/x pass", "TestA pass"), goodFacts}, nil},
		"skipped, of no row":       {[]string{goodPublic, goodFacts, stream(public, "TestC skip")}, nil},
		"lab skipped":              {[]string{goodPublic, goodFacts, stream(facts, "TestC skip")}, []string{facts + " TestC was skipped"}},
		"lab skipped and run":      {[]string{goodPublic, goodFacts, stream(facts, "TestB/sub skip", "TestB pass")}, []string{facts + " TestB/sub was skipped"}},
		"lab itself skipped":       {[]string{goodPublic, goodFacts, stream(module+"/internal/lab", "TestC skip")}, []string{"/internal/lab TestC was skipped"}},
		"example skipped":          {[]string{goodPublic, goodFacts, stream(module+"/examples/echo", "TestC skip")}, []string{"/examples/echo TestC was skipped"}},
		"package of a like name":   {[]string{goodPublic, goodFacts, stream(module+"/internal/laboratory", "TestC skip")}, nil},
		"test of a like name":      {[]string{stream(public, "TestA pass", "TestAB/x skip", "TestAB pass"), goodFacts}, nil},
		"a build that failed":      {[]string{goodPublic, goodFacts, `{"ImportPath":"p","Action":"build-fail"}` + "\n" + `{"Action":"fail","Package":"p","FailedBuild":"p"}`}, []string{"p failed"}},
		"the parent is not enough": {[]string{goodPublic, stream(facts, "TestB pass", "TestB/sub2 pass")}, []string{"K1: " + facts + " TestB/sub does not exist"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := checkStreams(t, tc.streams...)
			require.Len(t, got, len(tc.want), "%q", got)
			for _, want := range tc.want {
				require.Contains(t, strings.Join(got, "\n"), want)
			}
		})
	}
}

func TestCheckRowWithoutTest(t *testing.T) {
	rs := newResults()
	require.NoError(t, rs.read(strings.NewReader(goodPublic)))
	got := rs.check([]section{{"title", []row{{"K9", "a fact", nil}}}}, regexp.MustCompile(""))
	require.Equal(t, []string{"K9 has no test"}, got)
}

func TestReadRejects(t *testing.T) {
	for _, s := range []string{
		"ok  \tp\t0.1s\n",
		goodPublic + "panic: x\n",
		goodPublic[:len(goodPublic)-20], // cut off
	} {
		require.ErrorContains(t, newResults().read(strings.NewReader(s)), "no event of go test -json")
	}
}

// TestRun is the program as a whole.
func TestRun(t *testing.T) {
	var all strings.Builder
	for _, s := range sections {
		for _, r := range s.rows {
			for _, p := range r.tests {
				all.WriteString(stream(p.test().pkg, p.test().name+" pass"))
			}
		}
	}
	for _, tc := range []struct {
		args  []string
		stdin string
		want  int
		says  string
	}{
		{[]string{"-list"}, "", 0, "K1.1 "},
		{[]string{"-list", "-md"}, "", 0, "| K1.1 |"},
		{[]string{"-check"}, all.String(), 0, "tests of"},
		{[]string{"-check", "-"}, all.String(), 0, "tests of"},
		{[]string{"-check"}, all.String() + stream("p", "TestX fail"), 1, "p TestX failed"},
		{[]string{"-check"}, all.String() + stream("p", "TestX fail"), 1, "TestX printed this"},
		{[]string{"-check"}, "", 1, "no test ran"},
		{[]string{"-check"}, "no JSON\n", 1, "line 1"},
		{[]string{"-check", "-packages", "^nothing$"}, goodPublic, 0, "the 0 that prove 0 rows"},
		{[]string{"-check", "-packages", "internal/lab/facts$"}, goodPublic, 1, "does not exist"},
		{[]string{"-check", "-packages", "("}, goodPublic, 2, "-packages"},
		{[]string{"-check", "/nonexistent"}, "", 1, "/nonexistent"},
		{nil, "", 2, "-help"},
		{[]string{"-list", "-check"}, "", 2, "-help"},
		{[]string{"-list", "file"}, "", 2, "-help"},
		{[]string{"-nonsense"}, "", 2, "nonsense"},
		{[]string{"-help"}, "", 0, "-check"},
	} {
		var out bytes.Buffer
		require.Equal(t, tc.want, run(tc.args, strings.NewReader(tc.stdin), &out, &out), "%q: %s", tc.args, out.String())
		require.Contains(t, out.String(), tc.says, "%q", tc.args)
	}
}
