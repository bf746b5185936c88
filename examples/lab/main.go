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
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

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
			return comparison(ctx, o, compare.Run, os.Stdout, os.Stderr)
		}
		return demonstration(ctx, o, servers, os.Stdout, os.Stderr)
	})
}

// Bounds of the flags: a lab has addresses for so many VIPs, and a client of it
// ports for more requests than anyone would wait for.
const (
	maxVIPs  = 150
	maxCount = 1000
)

// bound is how long requests may take that were neither accepted nor rejected,
// before they count as timed out. On the way to the verdict that this program
// hopes for nothing waits for it.
const bound = 5 * time.Second

// options are what the flags say.
type options struct {
	balancers []lab.Balancer
	families  []family
	vips      int
	count     int
	pcap      string
	json      bool
	jsonFile  string // with compare; empty: standard output
	compare   bool
	report    string
	what      compare.Options

	bound time.Duration // not a flag
}

// A family is one of the two versions of IP.
type family string

const (
	ipv4 family = "ipv4"
	ipv6 family = "ipv6"
)

func (o *options) flagSet() *flag.FlagSet {
	fs := flag.NewFlagSet("lab", flag.ContinueOnError)
	choice(fs, &o.balancers, "lb", "load `balancer`", lab.ECMP, lab.Maglev)
	choice(fs, &o.families, "family", "address `family`", ipv4, ipv6)
	fs.IntVar(&o.vips, "vips", 2, "number of VIPs in each family")
	fs.IntVar(&o.count, "count", 8, "number of requests to each VIP in each run, every one from a new client port")
	fs.StringVar(&o.pcap, "pcap", "", "write what crossed the wire of client and backends to files in `directory`")
	fs.BoolFunc("json", "print one JSON object and nothing else; with -compare and a `[file]`, write it there, and print what else is printed", func(s string) error {
		if o.json = s != "false"; s != "true" && s != "false" {
			o.jsonFile = s
		}
		return nil
	})
	fs.BoolVar(&o.compare, "compare", false, "put the four repairs of the document, and dsrudp, to the same questions; of the other flags takes -json, -report, -repair and -question")
	fs.StringVar(&o.report, "report", "", "with -compare: write a page with table, charts and captures to index.html in `directory`")
	list(fs, &o.what.Repairs, "repair", "with -compare: ask only of these `repairs`, as in none,dnat-nft,dsrudp")
	list(fs, &o.what.Questions, "question", "with -compare: ask only these `questions`, as in one-vip,two-vips,change")
	fs.SetOutput(io.Discard) // the caller prints what is wrong
	return fs
}

// choice adds a flag that takes one of two values, or both.
func choice[T ~string](fs *flag.FlagSet, chosen *[]T, name, usage string, a, b T) {
	*chosen = []T{a, b}
	fs.Func(name, fmt.Sprintf("%s: %s, %s or both (default both)", usage, a, b), func(s string) error {
		switch T(s) {
		case a, b:
			*chosen = []T{T(s)}
		case "both":
			*chosen = []T{a, b}
		default:
			return fmt.Errorf("it is %s, %s or both", a, b)
		}
		return nil
	})
}

// list adds a flag that takes words with commas between them.
func list(fs *flag.FlagSet, words *[]string, name, usage string) {
	fs.Func(name, usage, func(s string) error {
		*words = strings.Split(s, ",")
		return nil
	})
}

func parseFlags(args []string) (options, error) {
	o := options{bound: bound}
	fs := o.flagSet()
	err := fs.Parse(args)
	// A flag that may stand alone takes a value only as -json=FILE: here -json FILE
	// does the same.
	for err == nil && fs.NArg() > 0 {
		i := len(args) - fs.NArg()
		if i == 0 || strings.TrimLeft(args[i-1], "-") != "json" {
			return o, fmt.Errorf("takes no arguments, got %q", fs.Args())
		}
		o.jsonFile, args = args[i], args[i+1:]
		err = fs.Parse(args)
	}
	if err != nil {
		return o, err
	}
	if o.vips < 1 || o.vips > maxVIPs {
		return o, fmt.Errorf("-vips %d: it is 1 to %d", o.vips, maxVIPs)
	}
	if o.count < 1 || o.count > maxCount {
		return o, fmt.Errorf("-count %d: it is 1 to %d", o.count, maxCount)
	}
	// Some flags go with -compare alone, some with the demonstration, -json with both.
	fs.Visit(func(f *flag.Flag) {
		switch {
		case slices.Contains([]string{"report", "repair", "question"}, f.Name) && !o.compare:
			err = fmt.Errorf("-%s goes with -compare", f.Name)
		case slices.Contains([]string{"lb", "family", "vips", "count", "pcap"}, f.Name) && o.compare:
			err = fmt.Errorf("-%s does not go with -compare", f.Name)
		case o.jsonFile != "" && !o.compare:
			err = fmt.Errorf("-json %s: a file goes with -compare", o.jsonFile)
		}
	})
	return o, errors.Join(err, o.what.Check())
}

func printUsage(w io.Writer) {
	fmt.Fprint(w, "Usage: go run ./examples/lab [flags]\n\n"+
		"Shows a UDP echo server lose its replies behind a load balancer with direct\n"+
		"server return, and dsrudp repair it. Exits with 0 if both were seen. With -compare\n"+
		"compares dsrudp with the usual repairs, which takes a minute or two.\n\n")
	fs := new(options).flagSet()
	fs.SetOutput(w)
	fs.PrintDefaults()
}
