//go:build linux

// Benchmarks puts UDP echo servers side by side: this project's, net's, x/net's,
// those of other libraries, and the same in C.
//
//	go run ./benchmarks [-quick] [-run REGEXP] [-rounds N] [-settle N] [-json FILE] [-plot DIR]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

func main() {
	run.Role()
	o, err := parseFlags(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		printUsage(os.Stdout)
		return
	case err != nil:
		fmt.Fprintf(os.Stderr, "benchmarks: %v; see -help\n", err)
		os.Exit(2)
	}
	if !term.IsTerminal(int(os.Stdout.Fd())) {
		text.DisableColors()
	}
	lab.Main(func() int {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return job(ctx, o, os.Stdout, os.Stderr)
	})
}
