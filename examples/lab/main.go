//go:build linux

// Lab shows the fault that this project repairs, and the repair. It builds the
// network of Google's document "Use UDP with external passthrough Network Load
// Balancers" in network namespaces, as an ordinary user:
//
//	go run ./examples/lab
//
// On its backends it runs one echo server twice, listening with net.ListenUDP
// and with dsrudp.ListenUDP, and asks it from connected sockets by way of every
// VIP. What counts is what these sockets read and what captures show on the
// wire; the servers themselves are not asked.
//
// It exits with 0 if every answer of net came from the backend's own address and
// was rejected by the client, and every answer of dsrudp was accepted; with 1
// and the difference if not; and with 2 if it does not understand its flags.
//
// With -compare it puts the document's four repairs, and dsrudp, to the same
// questions instead, and exits with 0 if all that is known of them came out and
// dsrudp met every question:
//
//	go run ./examples/lab -compare -json result.json -report DIR
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

func main() {
	o, err := parseFlags(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		printUsage(os.Stdout)
		return
	case err != nil:
		fmt.Fprintf(os.Stderr, "lab: %v; see -help\n", err)
		os.Exit(2)
	}
	if !term.IsTerminal(int(os.Stdout.Fd())) {
		text.DisableColors()
	}
	lab.Main(func() int {
		// The first signal ends what is going on, so that nothing half done is
		// left; a second one ends the program.
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
		context.AfterFunc(ctx, stop)
		if o.compare {
			return compareJob(ctx, o, compare.Run, os.Stdout, os.Stderr)
		}
		return job(ctx, o, servers, os.Stdout, os.Stderr)
	})
}

// job runs every server in every lab asked for, and returns the exit code.
func job(ctx context.Context, o options, servers []server, stdout, stderr io.Writer) int {
	logger := log.New(stderr, "", 0)
	page := page{w: stdout}
	if o.json.on {
		page.w = io.Discard
	}
	var runs []*run
	rows := []row{} // a list in JSON, also when it is empty
	var faults []string
	err := o.each(servers, func(s server, b lab.Balancer) error {
		done, err := runLab(ctx, o, s, b, logger)
		for _, r := range done {
			page.run(r, o)
			runs = append(runs, r)
			rows = append(rows, r.rows()...)
			faults = append(faults, r.faults()...)
		}
		return err
	})
	if err != nil {
		logger.Print(err)
	}
	ok := err == nil && len(faults) == 0
	if o.json.on {
		for _, f := range faults {
			logger.Print(f)
		}
		if err := printJSON(stdout, ok, rows); err != nil {
			logger.Print(err)
			return 1
		}
	}
	if len(rows) > 0 {
		page.table(rows)
	}
	if err == nil {
		page.verdict(runs, faults)
	}
	if !ok {
		return 1
	}
	return 0
}
