//go:build linux

package main

import (
	"flag"
	"fmt"
	"io"
	"regexp"
)

// options are what the flags say.
type options struct {
	quick  bool
	rounds int
	settle int
	only   *regexp.Regexp
	json   string
	plot   string
}

func flags(o *options) *flag.FlagSet {
	f := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	f.BoolVar(&o.quick, "quick", false, "only what the floors need, and fewer windows of it")
	f.IntVar(&o.rounds, "rounds", 0, "windows of each server in each scenario (default 15, with -quick 9)")
	f.IntVar(&o.settle, "settle", 1, "up to that many times the rounds where a ratio is too close to its floor to tell")
	f.Func("run", "only the scenarios whose name matches the regular `expression`", func(s string) (err error) {
		o.only, err = regexp.Compile(s)
		return err
	})
	f.StringVar(&o.json, "json", "", "write all numbers to a `file`")
	f.StringVar(&o.plot, "plot", "", "write charts (SVG) to a `directory`")
	return f
}

func parseFlags(args []string) (o options, err error) {
	f := flags(&o)
	f.SetOutput(io.Discard)
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("takes no arguments, got %q", f.Args())
	}
	switch {
	case o.rounds < 0:
		return o, fmt.Errorf("-rounds %d: it is 1 or more", o.rounds)
	case o.settle < 1:
		return o, fmt.Errorf("-settle %d: it is 1 or more", o.settle)
	case o.rounds == 0 && o.quick:
		o.rounds = 9
	case o.rounds == 0:
		o.rounds = 15
	}
	return o, nil
}

func printUsage(w io.Writer) {
	fmt.Fprint(w, "Benchmarks puts UDP echo servers side by side.\n\n")
	f := flags(new(options))
	f.SetOutput(w)
	f.PrintDefaults()
}
