package main

import (
	"fmt"
	"io"
)

func printList(w io.Writer, bs []breakage) {
	for _, b := range bs {
		fmt.Fprintln(w, b.name)
		for _, e := range b.edits {
			fmt.Fprintf(w, "\tin %s\n", e.file)
		}
		for _, s := range b.by {
			fmt.Fprintf(w, "\tcaught by %v\n", s)
		}
	}
}

// printStart says what is about to happen.
func printStart(w io.Writer, chosen, all, workers int) {
	fmt.Fprintf(w, "%d of %d breakages to try, up to %d at once, in copies of the repository; -run chooses some.\n", chosen, all, workers)
	fmt.Fprintln(w, "First their tests must pass while nothing is broken. Then, with each breakage, one that it names must fail.")
}

// printResult prints one as soon as it is there: all take minutes.
func printResult(w io.Writer, r result) {
	fmt.Fprintf(w, "%5.1fs  %-72s  %s\n", r.took.Seconds(), r.name, r.verdict())
	if r.rotten != nil {
		fmt.Fprintf(w, "%q is rotten: %v\n", r.name, r.rotten)
	}
}

func (r result) verdict() string {
	switch {
	case r.rotten != nil:
		return "ROTTEN"
	case r.caught == "":
		return "SURVIVED"
	}
	return r.caught
}

// escaped counts the breakages that were tried and not caught.
func escaped(rs []result) (n int) {
	for _, r := range rs {
		if !r.ended && r.caught == "" || r.rotten != nil {
			n++
		}
	}
	return n
}

// remaining counts those that were not tried.
func remaining(rs []result) (n int) {
	for _, r := range rs {
		if r.ended {
			n++
		}
	}
	return n
}

func printOutput(w io.Writer, rs []result) {
	for _, r := range rs {
		for i, out := range r.output {
			fmt.Fprintf(w, "=== %s: %v\n%s\n", r.name, r.by[i], out)
		}
	}
}
