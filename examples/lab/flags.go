//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

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
	json      jsonFlag
	compare   bool
	report    string
	repairs   listFlag
	questions listFlag

	lb, family string // as given

	bound time.Duration // not a flag
}

func (o *options) flagSet() *flag.FlagSet {
	fs := flag.NewFlagSet("lab", flag.ContinueOnError)
	fs.StringVar(&o.lb, "lb", "both", "load `balancer`: ecmp, maglev or both")
	fs.StringVar(&o.family, "family", "both", "address `family`: ipv4, ipv6 or both")
	fs.IntVar(&o.vips, "vips", 2, "number of VIPs in each family")
	fs.IntVar(&o.count, "count", 8, "number of requests to each VIP in each run, every one from a new client port")
	fs.StringVar(&o.pcap, "pcap", "", "write what crossed the wire of client and backends to files in `directory`")
	fs.Var(&o.json, "json", "print one JSON object and nothing else; with -compare and a `[file]`, write it there, and print what else is printed")
	fs.BoolVar(&o.compare, "compare", false, "put the four repairs of the document, and dsrudp, to the same questions; of the other flags takes -json, -report, -repair and -question")
	fs.StringVar(&o.report, "report", "", "with -compare: write a page with table, charts and captures to index.html in `directory`, and the tables to table.md")
	fs.Var(&o.repairs, "repair", "with -compare: ask only of these `repairs`, as in none,dnat-nft,dsrudp")
	fs.Var(&o.questions, "question", "with -compare: ask only these `questions`, as in one-vip,two-vips,change")
	fs.SetOutput(io.Discard) // the caller prints what is wrong
	return fs
}

func parseFlags(args []string) (options, error) {
	o := options{bound: bound}
	fs := o.flagSet()
	if err := fs.Parse(joinJSON(args)); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		err := fmt.Errorf("takes no arguments, got %q", fs.Args())
		if o.json.on && !o.compare {
			err = fmt.Errorf("%w (-json takes a file with -compare alone)", err)
		}
		return o, err
	}
	if err := o.checkCompare(fs); err != nil {
		return o, err
	}
	switch o.lb {
	case "both":
		o.balancers = []lab.Balancer{lab.ECMP, lab.Maglev}
	case string(lab.ECMP), string(lab.Maglev):
		o.balancers = []lab.Balancer{lab.Balancer(o.lb)}
	default:
		return o, fmt.Errorf("-lb %s: it is ecmp, maglev or both", o.lb)
	}
	switch o.family {
	case "both":
		o.families = []family{ipv4, ipv6}
	case string(ipv4), string(ipv6):
		o.families = []family{family(o.family)}
	default:
		return o, fmt.Errorf("-family %s: it is ipv4, ipv6 or both", o.family)
	}
	if o.vips < 1 || o.vips > maxVIPs {
		return o, fmt.Errorf("-vips %d: it is 1 to %d", o.vips, maxVIPs)
	}
	if o.count < 1 || o.count > maxCount {
		return o, fmt.Errorf("-count %d: it is 1 to %d", o.count, maxCount)
	}
	return o, nil
}

// checkCompare refuses flags that do not go together.
func (o *options) checkCompare(fs *flag.FlagSet) (err error) {
	switch {
	case o.compare:
		fs.Visit(func(f *flag.Flag) {
			if !slices.Contains([]string{"compare", "json", "report", "repair", "question"}, f.Name) {
				err = fmt.Errorf("-%s does not go with -compare", f.Name)
			}
		})
		if err == nil {
			err = o.comparing().Check()
		}
	case o.report != "":
		err = errors.New("-report goes with -compare")
	case len(o.repairs) > 0:
		err = errors.New("-repair goes with -compare")
	case len(o.questions) > 0:
		err = errors.New("-question goes with -compare")
	case o.json.file != "":
		err = fmt.Errorf("-json=%s goes with -compare", o.json.file)
	}
	return err
}

// comparing returns what to compare.
func (o *options) comparing() compare.Options {
	return compare.Options{Repairs: o.repairs, Questions: o.questions}
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
