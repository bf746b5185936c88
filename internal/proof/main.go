// Proof breaks the library on purpose, in one way after another, and checks that a test
// fails each time.
//
//	go run ./internal/proof              # all breakages
//	go run ./internal/proof -run guard   # those whose names match
//
// The files of the repository stay as they are: the compiler reads the broken one in place
// of the original (go build's -overlay). The tests that are to catch a breakage must pass
// while nothing is broken, and the breakage has to compile. Tests that hang have caught it.
//
// The exit status is 1 if a breakage was not caught, or not tried.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A breakage is one way to break the library. Paths are from the repository's root.
type breakage struct {
	promise  int
	name     string
	dir, run string // the package and the tests that catch it, as go test's -run
	file     string
	old, new string // old stands in file exactly once
}

func main() {
	pattern := flag.String("run", "", "only the breakages whose names match `regexp`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	among, err := regexp.Compile(*pattern)
	if err == nil {
		var chosen []breakage
		for _, b := range breakages {
			if among.MatchString(b.name) {
				chosen = append(chosen, b)
			}
		}
		err = prove(ctx, chosen, ".", time.Minute, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

// A prover tries breakages of the repository at root.
type prover struct {
	root    string // absolute, as an overlay needs it
	tmp     string
	timeout time.Duration // for the tests of one breakage
}

// prove tries the breakages and prints a line for each. It returns an error unless all are
// caught.
func prove(ctx context.Context, bs []breakage, root string, timeout time.Duration, out io.Writer) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "proof")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	p := prover{root, tmp, timeout}

	var dirs []string
	runs := make(map[string]string)
	for _, b := range bs {
		if runs[b.dir] == "" {
			dirs = append(dirs, b.dir)
			runs[b.dir] = b.run
		} else {
			runs[b.dir] += "|" + b.run
		}
	}
	errs := make([]error, len(dirs))
	each(len(dirs), func(i int) { errs[i] = p.passes(ctx, "unbroken"+strconv.Itoa(i), dirs[i], runs[dirs[i]]) })
	if err := errors.Join(errs...); err != nil && ctx.Err() == nil {
		return fmt.Errorf("before anything is broken: %w", err)
	}

	var mu sync.Mutex
	tried, caught := 0, 0
	each(len(bs), func(i int) {
		if ctx.Err() != nil {
			return
		}
		b, start := &bs[i], time.Now()
		verdict, ok := p.try(ctx, b, strconv.Itoa(i))
		if ctx.Err() != nil {
			return // what was running was killed
		}
		mu.Lock()
		defer mu.Unlock()
		tried++
		if ok {
			caught++
		}
		fmt.Fprintf(out, "%5.1f s  promise %-2d  %s: %s\n", time.Since(start).Seconds(), b.promise, b.name, verdict)
	})
	switch {
	case tried < len(bs):
		return fmt.Errorf("interrupted: %d of %d breakages tried, %d caught", tried, len(bs), caught)
	case caught < tried || tried == 0:
		return fmt.Errorf("%d of %d breakages caught", caught, tried)
	}
	return nil
}

// each calls do for 0 to n-1, as many at once as there are processors.
func each(n int, do func(i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// passes returns an error unless tests of the unbroken package pass.
func (p *prover) passes(ctx context.Context, id, dir, run string) error {
	binary, err := p.compile(ctx, id, dir)
	if err != nil {
		return err
	}
	defer os.Remove(binary)
	output, err := p.test(ctx, binary, dir, run)
	if err != nil {
		return fmt.Errorf("%s -run %s: %w\n%s", dir, run, err, output)
	}
	return nil
}

// try says what became of b.
func (p *prover) try(ctx context.Context, b *breakage, id string) (verdict string, caught bool) {
	overlay, err := p.overlay(b, id)
	if err != nil {
		return "NOT TRIED: " + err.Error(), false
	}
	binary, err := p.compile(ctx, id, b.dir, "-overlay="+overlay)
	if err != nil {
		return "NOT TRIED: " + err.Error(), false
	}
	defer os.Remove(binary)
	output, err := p.test(ctx, binary, b.dir, b.run)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "SURVIVED " + b.dir + " -run " + b.run, false
	case errors.Is(err, errHangs):
		return "caught, it hangs", true
	case !errors.As(err, &exit):
		return "NOT TRIED: " + err.Error(), false
	}
	if m := failed.FindStringSubmatch(output); m != nil {
		return "caught by " + m[1], true
	}
	return "caught, the tests ended early", true // a panic, or a fatal error
}

// overlay writes the broken file and the list that puts it in place of the original.
func (p *prover) overlay(b *breakage, id string) (list string, err error) {
	file := filepath.Join(p.root, filepath.FromSlash(b.file))
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), b.old); n != 1 {
		return "", fmt.Errorf("%s has the text to replace %d times", b.file, n)
	}
	broken := filepath.Join(p.tmp, id+".go")
	text = []byte(strings.Replace(string(text), b.old, b.new, 1))
	if err := os.WriteFile(broken, text, 0o644); err != nil {
		return "", err
	}
	text, err = json.Marshal(map[string]any{"Replace": map[string]string{file: broken}})
	if err != nil {
		return "", err
	}
	list = filepath.Join(p.tmp, id+".json")
	return list, os.WriteFile(list, text, 0o644)
}

// compile compiles a package's tests: without vet, as broken code need not be tidy, and
// without what a debugger needs, which takes the linker a while.
func (p *prover) compile(ctx context.Context, id, dir string, flags ...string) (binary string, err error) {
	binary = filepath.Join(p.tmp, id+".test")
	args := append([]string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+dir)...)
	cmd.Dir = p.root
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s does not compile: %w\n%s", dir, err, output)
	}
	return binary, nil
}

var (
	errHangs = errors.New("the tests hang")
	failed   = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
)

// test runs tests of a compiled package up to the first that fails. It ends those that hang
// from outside: where all threads are in system calls -test.timeout does not.
func (p *prover) test(ctx context.Context, binary, dir, run string) (output string, err error) {
	limited, cancel := context.WithTimeoutCause(ctx, p.timeout, errHangs)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(limited, binary, "-test.failfast", "-test.paniconexit0", "-test.run="+run)
	cmd.Dir = filepath.Join(p.root, filepath.FromSlash(dir))
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second // for processes that the tests started
	err = cmd.Run()
	if err != nil && limited.Err() != nil {
		err = context.Cause(limited)
	}
	return out.String(), err
}
