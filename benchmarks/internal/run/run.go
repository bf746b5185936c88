//go:build linux

// Package run runs scenarios: it starts the servers and the generator, and has
// the servers take turns in windows of time.
package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
)

// Prepare makes the IPv6 addresses of VIPs and clients local to the network
// namespace, as routes, and leaves its loopback interface up.
func Prepare() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("the loopback interface: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("the loopback interface: %w", err)
	}
	for _, p := range load.Ranges6() {
		r := netlink.Route{
			LinkIndex: lo.Attrs().Index,
			Dst:       &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 128)},
			Type:      unix.RTN_LOCAL,
			Table:     unix.RT_TABLE_LOCAL,
			Family:    unix.AF_INET6,
		}
		if err := netlink.RouteReplace(&r); err != nil {
			return fmt.Errorf("local route to %v: %w", p, err)
		}
	}
	return nil
}

// A Runner runs scenarios one after the other.
type Runner struct {
	// C is the program with the servers in C. Without it their entries are
	// left out.
	C string
	// Rounds is the number of windows that each entry gets, and Warm and
	// Measure are their length.
	Rounds        int
	Warm, Measure time.Duration
	// More, if it is not nil, is called after that many rounds of a scenario, and
	// each time after as many again, and reports whether there are to be more.
	More func(*Outcome) bool
	// CPUs are the processors to use. The first is for servers, and with
	// plan.Shared for the generator too.
	CPUs []int
}

// contestant is a server that takes its turns.
type contestant struct {
	*server
	entry *Entry
}

// Run runs a scenario.
func (r *Runner) Run(ctx context.Context, s plan.Scenario) (o *Outcome, err error) {
	serverPlace, generatorPlace := r.places(s.Layout)
	if s.MTU > 0 {
		var restore func() error
		if restore, err = setMTU(s.MTU); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, restore()) }()
	}
	o = &Outcome{Scenario: s}
	for _, e := range s.Entries {
		if e.Server.C == nil || r.C != "" {
			o.Entries = append(o.Entries, Entry{Entry: e})
		}
	}
	var cs []contestant
	defer func() {
		for _, c := range cs {
			err = errors.Join(err, c.stop())
		}
	}()
	for i := range o.Entries {
		srv, err := r.startServer(o.Entries[i].Entry, serverPlace)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		cs = append(cs, contestant{srv, &o.Entries[i]})
	}
	g, err := startGenerator(generatorPlace)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.stop()) }()
	if err := r.rounds(ctx, o, g, cs); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return o, nil
}

// places returns where the servers and the generator of a layout run.
func (r *Runner) places(l plan.Layout) (server, generator machine.Place) {
	switch l {
	case plan.Apart:
		return machine.Place{CPUs: r.CPUs[:1]}, machine.Place{CPUs: r.CPUs[1:2]}
	case plan.Free:
		return machine.Place{CPUs: r.CPUs}, machine.Place{CPUs: r.CPUs}
	default:
		p := machine.Place{CPUs: r.CPUs[:1], Batch: true}
		return p, p
	}
}

// setMTU changes that of the loopback interface, until restore is called.
func setMTU(mtu int) (restore func() error, err error) {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetMTU(lo, mtu)
	}
	if err != nil {
		return nil, fmt.Errorf("the loopback interface's MTU: %w", err)
	}
	return func() error { return netlink.LinkSetMTU(lo, lo.Attrs().MTU) }, nil
}

// rounds gives each contestant a window in each round, in another order each
// time.
func (r *Runner) rounds(ctx context.Context, o *Outcome, g *generator, cs []contestant) (err error) {
	for _, c := range cs {
		if err := r.prime(g, c); err != nil {
			return fmt.Errorf("%s: %w", c.entry.Label, err)
		}
	}
	for round := 0; round == 0 || round%r.Rounds != 0 || r.More != nil && r.More(o); round++ {
		order := rand.New(rand.NewPCG(uint64(round), 0)).Perm(len(cs))
		for _, i := range order {
			if err := ctx.Err(); err != nil {
				return err
			}
			w, err := r.window(o.Scenario, g, cs[i])
			if err != nil {
				return fmt.Errorf("%s: %w", cs[i].entry.Label, err)
			}
			cs[i].entry.Windows = append(cs[i].entry.Windows, w)
		}
	}
	for _, c := range cs {
		if c.entry.After, err = c.stats(); err != nil {
			return fmt.Errorf("%s: statistics: %w", c.entry.Label, err)
		}
	}
	return nil
}

// prime sends to the server from all of its clients and to all VIPs once, so that
// its memory of them is in every window as it will stay.
func (r *Runner) prime(g *generator, c contestant) error {
	l := c.entry.Load
	l.PID, l.Port = c.cmd.Process.Pid, c.Port
	l.Prime = max(l.VIPs, l.Clients) * max(l.Segments, 1) * max(l.Flow, 1)
	if l.Latency {
		l.Prime = 0
	}
	l.Warm, l.Measure = r.Warm, time.Millisecond
	w, err := g.Run(l)
	if err != nil {
		return err
	}
	c.entry.All.Add(w.All)
	c.entry.Before, err = c.stats()
	return err
}

// A window that more is stolen from, or of which others have a larger part, is
// tried again, so often in all, and the best try counts. The kernel counts what
// is stolen by steps of 10 ms.
const (
	maxSteal   = 10 * time.Millisecond
	maxForeign = .1
	tries      = 4
)

func (r *Runner) window(s plan.Scenario, g *generator, c contestant) (best Window, err error) {
	l := c.entry.Load
	l.PID, l.Port = c.cmd.Process.Pid, c.Port
	if l.Warm == 0 {
		l.Warm = r.Warm
	}
	if l.Measure == 0 {
		l.Measure = r.Measure
	}
	for try := range tries {
		var w Window
		if c.entry.Server.Go.Probe != "" {
			err = w.probe(g, c, l)
		} else {
			w.Result, err = g.Run(l)
		}
		if err != nil {
			return w, err
		}
		c.entry.Datagrams += w.All.Replies
		c.entry.All.Add(w.All)
		w.Disturbed = w.Steal > maxSteal
		if s.Layout == plan.Shared && l.Gap == 0 {
			// One of the two always has something to do.
			w.Foreign = max(1-float64(w.CPU+w.Own)/float64(w.Elapsed), 0)
		}
		if try == 0 || w.better(best) {
			best = w
		}
		if !w.Disturbed && w.Foreign <= maxForeign {
			break
		}
	}
	return best, nil
}

// better reports whether w is to be preferred.
func (w Window) better(than Window) bool {
	if w.Disturbed != than.Disturbed {
		return !w.Disturbed
	}
	return w.Foreign < than.Foreign
}

// probe makes the probes of a window while the generator runs.
func (w *Window) probe(g *generator, c contestant, l load.Load) error {
	ended := make(chan error)
	d := l.Measure
	l.Measure += d / 10 // it starts earlier, or later, than the probes
	go func() {
		var err error
		w.Result, err = g.Run(l)
		ended <- err
	}()
	time.Sleep(l.Warm)
	times, err := c.probe(d)
	if err = errors.Join(err, <-ended); err != nil {
		return err
	}
	slices.Sort(times)
	n := len(times)
	w.P50, w.P99, w.Worst = times[n/2], times[n*99/100], times[n-1]
	return nil
}
