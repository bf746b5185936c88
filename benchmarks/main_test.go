//go:build linux

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/verdict"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// asProgram names the environment variable that has the test binary be the
// program itself.
const asProgram = "DSRUDP_BENCHMARKS_TEST_PROGRAM"

func TestMain(m *testing.M) {
	run.Role()
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	if os.Getenv("GORACE") == "" {
		// With the race detector each server would take a second to end.
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	labtest.Main(m)
}

// runProgram runs the program itself.
func runProgram(t *testing.T, args ...string) (code int, stdout, stderr string) {
	exe, err := os.Executable()
	require.NoError(t, err)
	var out, errs strings.Builder
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		require.True(t, errors.As(err, &exit), err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestProgram(t *testing.T) {
	labtest.Need(t)
	dir := t.TempDir()
	file, charts := filepath.Join(dir, "out.json"), filepath.Join(dir, "charts")
	code, stdout, stderr := runProgram(t, "-quick", "-run", "^distinct$", "-rounds", "1", "-json", file, "-plot", charts)
	require.Empty(t, stderr)
	// Whether one round of a disturbed machine meets a floor is not this
	// test's to say, but the exit code has to say the same as the table.
	want := 0
	if strings.Contains(stdout, "MISSED") {
		want = 1
	}
	require.Equal(t, want, code, stdout)
	require.Contains(t, stdout, "Floors and targets")
	require.Contains(t, stdout, "wrong sources of this project's servers: 0")
	require.NotContains(t, stdout, "\x1b", "colours, and not on a terminal")
	require.FileExists(t, file)
	require.FileExists(t, filepath.Join(charts, "distinct.svg"))
}

func TestProgramRefuses(t *testing.T) {
	for says, args := range map[string][]string{
		"benchmarks: -rounds -1: it is 1 or more; see -help":                                                     {"-rounds", "-1"},
		"benchmarks: -settle 0: it is 1 or more; see -help":                                                      {"-settle", "0"},
		`benchmarks: takes no arguments, got ["one"]; see -help`:                                                 {"one"},
		"benchmarks: flag provided but not defined: -fast; see -help":                                            {"-fast"},
		"benchmarks: invalid value \"(\" for flag -run: error parsing regexp: missing closing ): `(`; see -help": {"-run", "("},
	} {
		code, stdout, stderr := runProgram(t, args...)
		require.Equal(t, 2, code, args)
		require.Empty(t, stdout)
		require.Equal(t, says+"\n", stderr)
	}
}

func TestProgramSaysThatNothingMatches(t *testing.T) {
	labtest.Need(t)
	code, _, stderr := runProgram(t, "-run", "^nothing$")
	require.Equal(t, 1, code)
	require.Equal(t, "benchmarks: no scenario's name matches ^nothing$\n", stderr)
}

func TestProgramHelps(t *testing.T) {
	code, stdout, stderr := runProgram(t, "-help")
	require.Zero(t, code)
	require.Empty(t, stderr)
	for _, flag := range []string{"-json", "-plot", "-quick", "-rounds", "-run", "-settle"} {
		require.Regexp(t, `\n  `+flag+`\b`, stdout)
	}
	require.NotContains(t, stdout, "shorter", "windows always have the same length")
}

func TestExitCode(t *testing.T) {
	met, missed := verdict.Verdict{Grade: verdict.Floor}, verdict.Verdict{Grade: verdict.Missed}
	require.Zero(t, exitCode(nil, []verdict.Verdict{met}, io.Discard))
	require.Equal(t, 1, exitCode(nil, []verdict.Verdict{met, missed}, io.Discard))
	var said strings.Builder
	require.Equal(t, 1, exitCode(io.ErrUnexpectedEOF, nil, &said))
	require.Equal(t, "benchmarks: unexpected EOF\n", said.String())
}

func TestFlags(t *testing.T) {
	o, err := parseFlags(nil)
	require.NoError(t, err)
	require.Equal(t, 15, o.rounds)
	require.Equal(t, 1, o.settle)
	all := o.scenarios()
	o, err = parseFlags([]string{"-quick", "-run", "^s"})
	require.NoError(t, err)
	require.Less(t, o.rounds, 15)
	require.Less(t, len(o.scenarios()), len(all))
	for _, s := range o.scenarios() {
		require.Regexp(t, "^s", s.Name)
	}
	saturated := slices.IndexFunc(o.scenarios(), func(s plan.Scenario) bool { return s.Name == "saturated" })
	require.GreaterOrEqual(t, saturated, 0)
	_, ok := o.scenarios()[saturated].Entry(plan.Ungrouped().Of)
	require.True(t, ok, "the table of floors tells of it")
	o, err = parseFlags([]string{"-rounds", "3", "-quick"})
	require.NoError(t, err)
	require.Equal(t, 3, o.rounds)
}
