//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) {
	// Without colours, as by main where stdout is not a terminal.
	labtest.ProgramMain(m, main, text.DisableColors)
}

// parse returns the options of a command line.
func parse(t *testing.T, args ...string) options {
	t.Helper()
	o, err := parseFlags(args)
	require.NoError(t, err)
	return o
}

func TestFlags(t *testing.T) {
	o := parse(t)
	require.Equal(t, []lab.Balancer{lab.ECMP, lab.Maglev}, o.balancers)
	require.Equal(t, []family{ipv4, ipv6}, o.families)
	require.Equal(t, bound, o.bound)
	o = parse(t, "-lb", "ecmp", "-family", "ipv6", "-vips", "150", "-count", "1000", "-pcap", "d", "-json")
	require.Equal(t, options{
		balancers: []lab.Balancer{lab.ECMP}, families: []family{ipv6}, vips: 150, count: 1000, pcap: "d", json: true, bound: bound,
	}, o)
	o = parse(t, "-compare", "-repair", "bind,dsrudp", "-question", "one-vip", "-report", "dir")
	require.Equal(t, compare.Options{Repairs: []string{"bind", "dsrudp"}, Questions: []string{"one-vip"}}, o.what)
	require.Equal(t, "dir", o.report)
	for line, want := range map[string]options{
		"-compare":                            {},
		"-json -compare":                      {json: true},
		"-compare -json=true -report d":       {json: true, report: "d"},
		"-compare -json=false":                {},
		"-compare -json a.json -report d":     {json: true, jsonFile: "a.json", report: "d"},
		"--json a.json -report d --compare=1": {json: true, jsonFile: "a.json", report: "d"},
		"-compare -json=a.json":               {json: true, jsonFile: "a.json"},
	} {
		o := parse(t, strings.Fields(line)...)
		require.True(t, o.compare, line)
		require.Equal(t, want, options{json: o.json, jsonFile: o.jsonFile, report: o.report}, line)
	}
	for line, says := range map[string]string{
		"-lb random":                 `invalid value "random" for flag -lb: it is ecmp, maglev or both`,
		"-family ipx":                `invalid value "ipx" for flag -family: it is ipv4, ipv6 or both`,
		"-vips 0":                    "-vips 0: it is 1 to 150",
		"-vips 151":                  "-vips 151: it is 1 to 150",
		"-count 1001":                "-count 1001: it is 1 to 1000",
		"-quick":                     "flag provided but not defined: -quick",
		"ecmp":                       `takes no arguments, got ["ecmp"]`,
		"-json file":                 "-json file: a file goes with -compare",
		"-compare -json file more":   `takes no arguments, got ["more"]`,
		"-report dir":                "-report goes with -compare",
		"-question ipv6":             "-question goes with -compare",
		"-compare -lb ecmp":          "-lb does not go with -compare",
		"-compare -repair bind,":     `compare: repair "": it is one of none, dnat-iptables, dnat-nft, mangle, bind, bind-dsrudp, pktinfo, dsrudp`,
		"-compare -question why":     `compare: question "why": it is one of one-vip, two-vips,`,
		"-compare -json a.json -lb=": `invalid value "" for flag -lb`,
	} {
		_, err := parseFlags(strings.Fields(line))
		require.ErrorContains(t, err, says, line)
	}
}

// The program itself, with its exit codes.
func TestProgram(t *testing.T) {
	labtest.Need(t)
	for line, want := range map[string]struct {
		code           int
		stdout, stderr string
	}{
		"-json -lb maglev -count 1": {0, `"ok":true`, ""},
		"-help":                     {0, "\n  -json [file]\n", ""},
		"-lb random":                {2, "", "it is ecmp, maglev or both; see -help\n"},
	} {
		var out, errs strings.Builder
		cmd := labtest.Program(t, strings.Fields(line)...)
		cmd.Stdout, cmd.Stderr = &out, &errs
		require.Equal(t, want.code == 0, cmd.Run() == nil, line)
		require.Equal(t, want.code, cmd.ProcessState.ExitCode(), line)
		require.Contains(t, out.String(), want.stdout)
		require.Contains(t, errs.String(), want.stderr)
		require.True(t, out.Len() == 0 || errs.Len() == 0)
	}
}

// short is the comparison, of two repairs and two questions.
func short(ctx context.Context, o compare.Options) (*compare.Result, error) {
	o.Repairs, o.Questions = []string{compare.DNATNFT, compare.DSRUDP}, []string{"one-vip", "change"}
	return compare.Run(ctx, o)
}

// sabotaged is one whose result is not what has to come.
func sabotaged(ctx context.Context, o compare.Options) (*compare.Result, error) {
	r, err := short(ctx, o)
	if err == nil {
		c := r.Cell(compare.DSRUDP, "one-vip")
		c.Verdict, c.Differs = compare.NotMet, "expected met (a promise of the library)"
	}
	return r, err
}

func broken(context.Context, compare.Options) (*compare.Result, error) {
	return nil, errors.New("no paper left")
}

// doCompare runs a comparison and returns its exit code and output.
func doCompare(t *testing.T, run func(context.Context, compare.Options) (*compare.Result, error), args ...string) (code int, stdout, stderr string) {
	t.Helper()
	labtest.Need(t)
	var out, errs strings.Builder
	code = comparison(t.Context(), parse(t, append([]string{"-compare"}, args...)...), run, &out, &errs)
	return code, out.String(), errs.String()
}

// requireOK requires of a JSON object that it says whether all is good.
func requireOK(t *testing.T, ok bool, b []byte) {
	t.Helper()
	var r struct{ OK *bool }
	require.NoError(t, json.Unmarshal(b, &r), "%s", b)
	require.Equal(t, ok, *r.OK)
}

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	file, report := filepath.Join(dir, "result.json"), filepath.Join(dir, "a", "report")

	// A comparison that breaks off leaves an earlier result.
	earlier := strings.Repeat("earlier ", 100_000)
	require.NoError(t, os.WriteFile(file, []byte(earlier), 0o666))
	code, stdout, stderr := doCompare(t, broken, "-json", file, "-report", report)
	require.Equal(t, 1, code)
	require.Empty(t, stdout)
	require.Equal(t, "no paper left\n", stderr)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, earlier, string(b))

	code, stdout, stderr = doCompare(t, short, "-json", file, "-report", report)
	require.Equal(t, 0, code, stderr)
	require.Contains(t, stdout, "  dsrudp meets 2 of 2 questions.\n")
	require.Contains(t, stdout, "\n  It is a part of the comparison: 2 of 8 repairs, 2 of 16 questions.\n")
	require.Regexp(t, `^ *\d+ % \(.*\)\n`, stderr, "progress")
	require.Contains(t, stderr, "100 % (")
	b, err = os.ReadFile(file)
	require.NoError(t, err)
	requireOK(t, true, b)
	b, err = os.ReadFile(filepath.Join(report, "index.html"))
	require.NoError(t, err)
	require.Contains(t, string(b), " 2 of 8 repairs, 2 of 16 questions.")
	code, stdout, _ = doCompare(t, short, "-json")
	require.Equal(t, 0, code)
	requireOK(t, true, []byte(stdout)) // and nothing else

	// What is not as it has to be is said, and is the exit code.
	const says = "one VIP, IPv4, dsrudp: not met, expected met (a promise of the library)"
	code, stdout, _ = doCompare(t, sabotaged, "-json", os.DevNull)
	require.Equal(t, 1, code)
	require.Contains(t, stdout, "Not as expected:\n  "+says)
	code, stdout, stderr = doCompare(t, sabotaged, "-json")
	require.Equal(t, 1, code)
	requireOK(t, false, []byte(stdout))
	require.Contains(t, stderr, says)

	// What cannot be written is said before it runs.
	for _, args := range [][]string{{"-json", "/dev/null/file"}, {"-report", "/dev/null/report"}, {"-json", dir}} {
		code, _, stderr := doCompare(t, func(context.Context, compare.Options) (*compare.Result, error) {
			require.Fail(t, "it runs")
			return nil, nil
		}, args...)
		require.Equal(t, 1, code)
		require.Regexp(t, "(not a|is a) directory\n$", stderr)
	}
}

// A comparison that is interrupted ends, says so, and leaves an earlier result alone.
func TestInterrupted(t *testing.T) {
	labtest.Need(t)
	file := filepath.Join(t.TempDir(), "result.json")
	require.NoError(t, os.WriteFile(file, []byte("earlier"), 0o640))
	cmd := labtest.Program(t, "-compare", "-question", "broadcast,change", "-json", file)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	b := make([]byte, 1)
	_, err = stderr.Read(b) // it has begun
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	said, err := io.ReadAll(stderr)
	require.NoError(t, err)
	require.Error(t, cmd.Wait())
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	require.Contains(t, string(said), "the comparison was broken off: terminated")
	said, err = os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "earlier", string(said))
}

// A measurement is shown when it begins, not only when it is done.
func TestProgress(t *testing.T) {
	var b strings.Builder
	show := progress(&b)
	show(0, 3, "weighing")
	show(2, 3, "weighing")
	show(2, 3, "timing")
	show(3, 3, "timing")
	require.Equal(t, "      measuring: weighing\n 66 % (weighing)\n      measuring: timing\n100 % (timing)\n", b.String())
}
