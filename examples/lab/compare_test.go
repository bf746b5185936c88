//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// short is the comparison, of two repairs and two questions.
func short(ctx context.Context, o compare.Options) (*compare.Result, error) {
	o.Repairs = []string{compare.DNATNFT, compare.DSRUDP}
	o.Questions = []string{"one-vip", "change"}
	return compare.Run(ctx, o)
}

// sabotaged is one whose result is not what has to come.
func sabotaged(ctx context.Context, o compare.Options) (*compare.Result, error) {
	r, err := short(ctx, o)
	if err == nil {
		c := r.Cell(compare.DSRUDP, "one-vip")
		c.Verdict, c.Surprise, c.Differs = compare.NotMet, true, "expected met (a promise of the library)"
	}
	return r, err
}

// doCompare runs a comparison and returns its exit code and output.
func doCompare(t *testing.T, run comparison, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	labtest.Need(t)
	var out, errs strings.Builder
	code = compareJob(t.Context(), parse(t, append([]string{"-compare"}, args...)...), run, &out, &errs)
	return code, out.String(), errs.String()
}

// comparedOK returns whether a JSON object says that all is good.
func comparedOK(t *testing.T, b []byte) bool {
	t.Helper()
	var r struct {
		OK    *bool
		Cells []compare.Cell
	}
	require.NoError(t, json.Unmarshal(b, &r), "%s", b)
	require.Len(t, r.Cells, 4)
	return *r.OK
}

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	file, report := filepath.Join(dir, "result.json"), filepath.Join(dir, "report")
	code, stdout, stderr := doCompare(t, short, "-json", file, "-report", report)
	require.Equal(t, 0, code, stderr)
	require.Contains(t, stdout, "  dsrudp meets 2 of 2 questions.\n  On Linux ")
	require.Contains(t, stdout, "\n  It is a part of the comparison: 2 of 8 repairs, 2 of 16 questions.\n")
	require.Regexp(t, `^ *\d+ % \(.*\)\n`, stderr, "progress")
	require.Contains(t, stderr, "100 % (")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, comparedOK(t, b))
	require.Contains(t, string(b), `"part": "2 of 8 repairs, 2 of 16 questions"`)
	for _, name := range []string{"index.html", "table.md"} {
		b, err := os.ReadFile(filepath.Join(report, name))
		require.NoError(t, err)
		require.Contains(t, string(b), " 2 of 8 repairs, 2 of 16 questions.")
	}

	code, stdout, _ = doCompare(t, short, "-json")
	require.Equal(t, 0, code)
	require.True(t, comparedOK(t, []byte(stdout)), "and nothing else")
}

// What is not as it has to be is said, and is the exit code.
func TestCompareSabotaged(t *testing.T) {
	const says = "one VIP, IPv4, dsrudp: not met, expected met (a promise of the library)"
	code, stdout, _ := doCompare(t, sabotaged)
	require.Equal(t, 1, code)
	require.Contains(t, stdout, "Not as expected:\n  "+says)

	code, stdout, stderr := doCompare(t, sabotaged, "-json")
	require.Equal(t, 1, code)
	require.False(t, comparedOK(t, []byte(stdout)))
	require.Contains(t, stderr, says)
}

func TestCompareThatFails(t *testing.T) {
	code, stdout, stderr := doCompare(t, func(context.Context, compare.Options) (*compare.Result, error) {
		return nil, errors.New("no paper left")
	}, "-json")
	require.Equal(t, 1, code)
	require.Empty(t, stdout)
	require.Equal(t, "no paper left\n", stderr)

	dir := t.TempDir()
	never := func(context.Context, compare.Options) (*compare.Result, error) {
		require.Fail(t, "it runs, and cannot be written")
		return nil, nil
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "taken", "table.md"), 0o777))
	for _, args := range [][]string{
		{"-json", filepath.Join(dir, "no", "such", "file")},
		{"-report", "/dev/null/report"},
		{"-report", filepath.Join(dir, "taken")},
	} {
		code, stdout, stderr := doCompare(t, never, args...)
		require.Equal(t, 1, code)
		require.Empty(t, stdout)
		require.Regexp(t, "(no such file or|not a|is a) directory\n$", stderr)
	}
	left, err := filepath.Glob(filepath.Join(dir, "taken", ".*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// A comparison that breaks off leaves an earlier result alone, and one that does
// not replaces all of it.
func TestCompareKeepsEarlierResult(t *testing.T) {
	file := filepath.Join(t.TempDir(), "result.json")
	earlier := strings.Repeat("earlier ", 100_000)
	require.NoError(t, os.WriteFile(file, []byte(earlier), 0o666))
	code, _, _ := doCompare(t, func(context.Context, compare.Options) (*compare.Result, error) {
		return nil, errors.New("no paper left")
	}, "-json", file)
	require.Equal(t, 1, code)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, earlier, string(b))

	code, _, stderr := doCompare(t, short, "-json", file)
	require.Equal(t, 0, code, stderr)
	b, err = os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, comparedOK(t, b))
}

func TestCompareFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		json jsonFlag
	}{
		{[]string{"-compare"}, jsonFlag{}},
		{[]string{"-compare", "-json"}, jsonFlag{on: true}},
		{[]string{"-json", "-compare"}, jsonFlag{on: true}},
		{[]string{"-compare", "-json=true"}, jsonFlag{on: true}},
		{[]string{"-compare", "-json=false"}, jsonFlag{}},
		{[]string{"-compare", "-json", "a.json", "-report", "dir"}, jsonFlag{true, "a.json"}},
		{[]string{"-json", "a.json", "-report", "dir", "-compare"}, jsonFlag{true, "a.json"}},
		{[]string{"--compare", "--json", "a.json"}, jsonFlag{true, "a.json"}},
		{[]string{"-compare", "-json=a.json"}, jsonFlag{true, "a.json"}},
		{[]string{"-compare", "-json", "-report", "dir"}, jsonFlag{on: true}},
		{[]string{"-compare=true", "-json", "a.json"}, jsonFlag{true, "a.json"}},
		{[]string{"-json", "a.json", "--compare=1"}, jsonFlag{true, "a.json"}},
	} {
		o := parse(t, test.args...)
		require.True(t, o.compare, test.args)
		require.Equal(t, test.json, o.json, test.args)
	}
	require.False(t, parse(t, "-json").compare)
	require.False(t, parse(t, "-compare=false", "-json").compare)
	_, err := parseFlags([]string{"-compare=false", "-json", "a.json"})
	require.ErrorContains(t, err, "takes no arguments")
	require.Equal(t, "dir", parse(t, "-compare", "-report", "dir").report)
	o := parse(t, "-compare", "-repair", "bind,dsrudp", "-question", "one-vip")
	require.Equal(t, compare.Options{Repairs: []string{"bind", "dsrudp"}, Questions: []string{"one-vip"}}, o.comparing())
}
