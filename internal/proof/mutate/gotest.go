package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A tree is a copy of the repository that can be broken.
type tree struct {
	root    string
	scratch string // for test binaries
	timeout time.Duration
}

// build compiles the tests of a package that s needs, or all of them if it does
// not compile with those alone. There is no vet, as a breakage need not be tidy,
// and nothing for a debugger, which takes the linker a while.
func (t tree) build(ctx context.Context, s selection) (binary string, err error) {
	overlay, err := t.prune(s)
	if err != nil {
		return "", err
	}
	binary, err = t.compile(ctx, s, "-overlay="+overlay)
	if err != nil {
		binary, err = t.compile(ctx, s)
	}
	return binary, err
}

func (t tree) compile(ctx context.Context, s selection, flags ...string) (binary string, err error) {
	binary = filepath.Join(t.scratch, strings.ReplaceAll(s.dir, "/", "_")+".test")
	args := append([]string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary}, flags...)
	if s.race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+s.dir)...)
	cmd.Dir = t.root
	killWhole(cmd)        // else an interrupt from the terminal would be the compiler's before it is this program's
	_ = os.Remove(binary) // without test files go makes none, and the one before would be run
	out, err := cmd.CombinedOutput()
	if err == nil {
		_, err = os.Stat(binary)
	}
	if err != nil {
		return "", fmt.Errorf("%s does not compile: %w\n%s", s.dir, err, out)
	}
	return binary, nil
}

// A verdict is how tests ended.
type verdict struct {
	failed bool
	first  string // the test that failed first
	output string
}

// test runs the tests of a compiled package up to the first that fails.
func (t tree) test(ctx context.Context, binary string, s selection) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.failfast", "-test.paniconexit0", "-test.run="+s.run)
	cmd.Dir = filepath.Join(t.root, filepath.FromSlash(s.dir))
	cmd.Stdout, cmd.Stderr = &out, &out
	killWhole(cmd)
	cmd.WaitDelay = 5 * time.Second // for what a process that is gone left behind
	err := cmd.Run()
	v := verdict{failed: err != nil, output: out.String()}
	var exit *exec.ExitError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		v.first = lastStarted(v.output) + " (hung)"
	case ctx.Err() != nil:
		return verdict{}, ctx.Err()
	case err == nil:
	case !errors.As(err, &exit):
		return verdict{}, err // it did not run
	default:
		v.first = firstFailed(v.output)
	}
	return v, nil
}

var (
	failed  = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	started = regexp.MustCompile(`(?m)^=== RUN +(\S+)`)
)

// firstFailed names the test that failed first, down to its subtest, which is
// reported behind it.
func firstFailed(output string) string {
	first := ""
	for _, m := range failed.FindAllStringSubmatch(output, -1) {
		if first == "" || strings.HasPrefix(m[1], first+"/") {
			first = m[1]
		}
	}
	if first == "" {
		return lastStarted(output) + " (died)"
	}
	return first
}

// from returns the output from the start of a test on.
func from(output, name string) string {
	if i := strings.Index(output, "=== RUN   "+name+"\n"); i >= 0 {
		return output[i:]
	}
	return output
}

func lastStarted(output string) string {
	ms := started.FindAllStringSubmatch(output, -1)
	if len(ms) == 0 {
		return "no test"
	}
	return ms[len(ms)-1][1]
}
