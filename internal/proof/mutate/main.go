// Mutate asks whether the tests would notice: it breaks the library in one way
// after another, each time in a copy of the repository, and wants a test to fail.
//
//	go run ./internal/proof/mutate              # all breakages
//	go run ./internal/proof/mutate -run guard   # those whose names match
//	go run ./internal/proof/mutate -list        # their names
//
// A breakage replaces text that must stand in its file exactly once, and has to
// compile: one that does not is rotten, and has to be brought up to date with
// the code it breaks. Each names the tests that are to catch it, and these must
// pass while nothing is broken. A test that hangs has caught it too.
//
// The exit status is 1 if a breakage survived or is rotten, or was not tried
// because the program was interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], breakages, os.Stdout, os.Stderr))
}

// run returns the exit status.
func run(ctx context.Context, args []string, all []breakage, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		pattern = flags.String("run", "", "only the breakages whose names match `regexp`")
		list    = flags.Bool("list", false, "print the breakages and do nothing")
		verbose = flags.Bool("v", false, "print the output of the tests that caught a breakage, or did not")
		root    = flags.String("root", ".", "the repository's `directory`")
		workers = flags.Int("parallel", 4, "how many `breakages` to try at once")
		timeout = flags.Duration("timeout", time.Minute, "how long the tests of one package may take before they count as hanging")
	)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	among, err := regexp.Compile(*pattern)
	if err != nil || flags.NArg() > 0 || *workers < 1 {
		fmt.Fprintf(stderr, "mutate: arguments %q: want -run with a regular expression, -parallel with at least 1, and nothing besides; see -help\n", args)
		return 2
	}
	var chosen []breakage
	for _, b := range all {
		if among.MatchString(b.name) {
			chosen = append(chosen, b)
		}
	}
	if len(chosen) == 0 {
		fmt.Fprintf(stderr, "mutate: no breakage's name matches %q; see -list\n", *pattern)
		return 2
	}
	if *list {
		printList(stdout, chosen)
		return 0
	}

	printStart(stdout, len(chosen), len(all), *workers)
	results, err := try(ctx, chosen, options{
		root: *root, workers: *workers, timeout: *timeout,
		tried: func(r result) { printResult(stdout, r) },
	})
	if err != nil {
		fmt.Fprintln(stderr, "mutate:", err)
		return 1
	}
	if *verbose {
		printOutput(stdout, results)
	}
	left, missed := remaining(results), escaped(results)
	if left > 0 {
		fmt.Fprintf(stderr, "mutate: interrupted: %d of %d breakages were not tried\n", left, len(results))
	}
	if missed > 0 {
		fmt.Fprintf(stderr, "mutate: %d of %d breakages were not caught\n", missed, len(results)-left)
	}
	if left+missed > 0 {
		return 1
	}
	return 0
}
