// Manifest is the list of what this project promises and of the kernel's
// behaviour that it relies on, each with the tests that prove it.
//
//	go run ./internal/proof/manifest -list        # the list; -md for Markdown
//	go test -json ./... > out.json
//	go run ./internal/proof/manifest -check out.json
//
// With -check it reads what `go test -json` printed, of any number of runs,
// from the files named or from standard input, and fails unless every test of
// the list is there and passed. A test may be skipped in a run if it passed in
// another (some need a privilege, others need to be without), but none of the
// lab and of the examples ever: without them nothing crossed a wire.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run returns the exit status: 0 if all is well, 1 if something is not proven,
// 2 if the question could not be understood.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("manifest", flag.ContinueOnError)
	flags.SetOutput(stderr)
	list := flags.Bool("list", false, "print the list")
	md := flags.Bool("md", false, "with -list: as Markdown")
	check := flags.Bool("check", false, "check the output of go test -json in the files named, - or none for standard input")
	packages := flags.String("packages", "", "with -check: ask only for tests whose import path matches `regexp`")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	among, err := regexp.Compile(*packages)
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "manifest: -packages:", err)
		return 2
	case *list == *check, *list && flags.NArg() > 0:
		fmt.Fprintln(stderr, "manifest: say either -list, without arguments, or -check [file ...]; see -help")
		return 2
	case *list && *md:
		printMarkdown(stdout, sections)
		return 0
	case *list:
		printText(stdout, sections)
		return 0
	}

	rs, err := readAll(flags.Args(), stdin)
	if err != nil {
		fmt.Fprintln(stderr, "manifest:", err)
		return 1
	}
	rs.printWrong(stderr)
	problems := rs.check(sections, among)
	for _, p := range problems {
		fmt.Fprintln(stderr, "manifest:", p)
	}
	if len(problems) > 0 {
		fmt.Fprintf(stderr, "manifest: %d problems\n", len(problems))
		return 1
	}
	fmt.Fprintln(stdout, rs.summary(sections, among))
	return 0
}

// readAll reads the files, or stdin if there are none.
func readAll(files []string, stdin io.Reader) (*results, error) {
	rs := newResults()
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		if err := readFile(rs, name, stdin); err != nil {
			return nil, err
		}
	}
	return rs, nil
}

func readFile(rs *results, name string, stdin io.Reader) error {
	r := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		r = f
	}
	if err := rs.read(r); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
