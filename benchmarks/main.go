//go:build linux

// Benchmarks puts UDP echo servers side by side: this project's, net's, x/net's,
// those of other libraries, and the same in C.
//
//	go run ./benchmarks [-layout shared|apart|both] [-quick] [-run REGEXP] [-rounds N] [-settle N] [-json FILE] [-plot DIR]
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
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/report"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

func main() {
	run.Role()
	o, err := parseFlags(os.Args[1:], os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		err = fmt.Errorf("%w; see -help", err)
	} else {
		err = o.prepare()
	}
	if err == nil {
		err = lab.Enter()
	}
	if err != nil {
		os.Exit(exitCode(err, nil, os.Stderr))
	}
	if !term.IsTerminal(int(os.Stdout.Fd())) {
		text.DisableColors()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	r := &report.Report{Machine: machine.Describe(), Rounds: o.rounds}
	err = o.measure(ctx, r, os.Stdout)
	stop()
	if len(r.Outcomes) > 0 { // also of a run that was interrupted
		r.Verdicts = report.Judge(plan.Checks(), r.Outcomes)
		report.Summary(os.Stdout, r)
		err = errors.Join(err, o.save(r))
	}
	os.Exit(exitCode(err, r, os.Stderr))
}

// options are the values of the flags.
type options struct {
	scenarios []plan.Scenario // that they select
	rounds    int
	settle    int
	json      string
	plot      string
}

// parseFlags writes the usage to help where that is asked for.
func parseFlags(args []string, help io.Writer) (o options, err error) {
	f := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	layout := f.String("layout", "both", "where server and generator run: `shared`, apart, or both")
	quick := f.Bool("quick", false, "only what the checks need, and 9 windows of it unless -rounds is set")
	f.IntVar(&o.rounds, "rounds", 15, "windows of each server in each scenario")
	f.IntVar(&o.settle, "settle", 1, "up to that many times the rounds where a ratio is too close to what must hold to tell")
	only := regexp.MustCompile("")
	f.Func("run", "only the scenarios whose name matches the regular `expression`", func(s string) (err error) {
		only, err = regexp.Compile(s)
		return err
	})
	f.StringVar(&o.json, "json", "", "write all numbers to a `file`")
	f.StringVar(&o.plot, "plot", "", "write charts (SVG) to a `directory`")
	f.SetOutput(io.Discard) // Parse prints errors, too
	err = f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(help, "Benchmarks puts UDP echo servers side by side.\n\n")
		f.SetOutput(help)
		f.PrintDefaults()
		return o, err
	case err != nil:
		return o, err
	case f.NArg() > 0:
		return o, fmt.Errorf("takes no arguments, got %q", f.Args())
	case o.rounds < 1:
		return o, fmt.Errorf("-rounds %d: it is 1 or more", o.rounds)
	case o.settle < 1:
		return o, fmt.Errorf("-settle %d: it is 1 or more", o.settle)
	case !slices.Contains([]string{"shared", "apart", "both"}, *layout):
		return o, fmt.Errorf("-layout %s: it is shared, apart or both", *layout)
	}
	set := false
	f.Visit(func(f *flag.Flag) { set = set || f.Name == "rounds" })
	if *quick && !set {
		o.rounds = 9
	}
	o.scenarios, err = selected(*layout, only, *quick)
	return o, err
}

// selected returns the scenarios that the flags select.
func selected(layout string, only *regexp.Regexp, quick bool) (some []plan.Scenario, err error) {
	all := plan.Scenarios()
	if quick {
		all = plan.Needed(all, plan.Checks())
	}
	var names []string
	for _, s := range all {
		if layout != "both" && (layout == "shared") != (s.Layout == plan.Shared) {
			continue
		}
		names = append(names, s.Name)
		if only.MatchString(s.Name) {
			some = append(some, s)
		}
	}
	if len(some) == 0 {
		err = fmt.Errorf("-run %v: no scenario's name matches; there are %s", only, strings.Join(names, ", "))
	}
	return some, err
}

// prepare makes the directory and the file that results will be written to, so that
// what is wrong with them is known before everything is measured.
func (o options) prepare() error {
	if o.plot != "" {
		if err := os.MkdirAll(o.plot, 0o777); err != nil {
			return fmt.Errorf("-plot: %w", err)
		}
		f, err := os.CreateTemp(o.plot, ".benchmarks-")
		if err != nil {
			return fmt.Errorf("-plot: %w", err)
		}
		if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
			return fmt.Errorf("-plot: %w", err)
		}
	}
	if o.json != "" {
		f, err := os.OpenFile(o.json, os.O_CREATE|os.O_WRONLY, 0o666) // it keeps what it has until there is better
		if err != nil {
			return fmt.Errorf("-json: %w", err)
		}
		return f.Close()
	}
	return nil
}

// measure runs the scenarios, and prints each one's table when it is done.
func (o options) measure(ctx context.Context, r *report.Report, w io.Writer) (err error) {
	fmt.Fprintln(w, r.Machine)
	dir, err := os.MkdirTemp("", "dsrudp-benchmarks-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	runner, err := newRunner(ctx, dir, w)
	if err != nil {
		return err
	}
	runner.Rounds = o.rounds
	runner.More = func(out *run.Outcome) bool {
		return out.Rounds() < o.settle*o.rounds && !report.Settled(plan.Checks(), out)
	}
	for _, s := range o.scenarios {
		if len(runner.CPUs) == 1 && s.Layout != plan.Shared {
			fmt.Fprintf(w, "\n%s is left out: its layout, %s, needs two processors\n", s.Name, s.Layout)
			continue
		}
		out, err := runner.Run(ctx, s)
		if err != nil {
			return err
		}
		report.Scenario(w, out)
		r.Outcomes = append(r.Outcomes, out)
	}
	if len(r.Outcomes) == 0 {
		return errors.New("nothing was measured")
	}
	r.Memory, err = run.Memory(ctx)
	return err
}

// newRunner makes the namespace ready, and in dir the servers in C. It prints what
// the run will do without.
func newRunner(ctx context.Context, dir string, w io.Writer) (*run.Runner, error) {
	if err := run.Prepare(); err != nil {
		return nil, err
	}
	cpus, err := machine.CPUs()
	if err != nil {
		return nil, err
	}
	if len(cpus) > 1 {
		if err := machine.Leave(cpus[0]); err != nil {
			return nil, err
		}
	}
	c, err := echo.BuildC(ctx, dir)
	if errors.Is(err, echo.ErrNoCompiler) {
		fmt.Fprintf(w, "There is %v: the servers in C are left out, and what is held against them is not measured.\n", err)
	} else if err != nil {
		return nil, err
	}
	return &run.Runner{C: c, CPUs: cpus, Warm: 10 * time.Millisecond, Measure: 50 * time.Millisecond}, nil
}

// save writes the files that were asked for.
func (o options) save(r *report.Report) error {
	if o.json != "" {
		f, err := os.Create(o.json)
		if err != nil {
			return err
		}
		if err := errors.Join(report.JSON(f, r), f.Close()); err != nil {
			return err
		}
	}
	if o.plot != "" {
		return report.Charts(o.plot, r)
	}
	return nil
}

// exitCode returns 2 if something went wrong, and 1 if what must hold was missed or a
// reply came from a wrong source.
func exitCode(err error, r *report.Report, stderr io.Writer) int {
	if err != nil {
		fmt.Fprintln(stderr, "benchmarks:", err)
		return 2
	}
	if r.Failed() {
		return 1
	}
	return 0
}
