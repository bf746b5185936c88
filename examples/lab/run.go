//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A run is one server behind one balancer, asked in one family.
type run struct {
	server   server
	balancer lab.Balancer
	family   family
	lab      *lab.Lab // closed, but its addresses remain
	requests []*request

	// What crossed the interface of the client and of each backend.
	atClient   []lab.Packet
	atBackends [][]lab.Packet
}

// each calls f for every lab asked for. Each server gets labs of its own, so
// that none meets what another left behind.
func (o options) each(servers []server, f func(server, lab.Balancer) error) error {
	for _, s := range servers {
		for _, b := range o.balancers {
			if err := f(s, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// runLab builds a lab and runs the server in it, once for each family. It
// returns the runs that were completed, also when there is an error.
func runLab(ctx context.Context, o options, s server, b lab.Balancer, logger *log.Logger) (runs []*run, err error) {
	l, err := lab.New(lab.Options{Balancer: b, VIPs: o.vips})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, f := range o.families {
		r := &run{
			server: s, balancer: b, family: f, lab: l,
			requests: newRequests(f.client(l), f.vips(l), o.count),
		}
		if err := r.do(ctx, o.bound, logger); err != nil {
			return runs, fmt.Errorf("%v: %w", r, err)
		}
		if o.pcap != "" {
			if err := r.writePCAP(o.pcap); err != nil {
				return runs, err
			}
		}
		runs = append(runs, r)
	}
	return runs, nil
}

func (r *run) String() string { return fmt.Sprintf("%s, %s, %s", r.server.name, r.balancer, r.family) }

// do lets the clients ask the server, and keeps what the captures saw.
func (r *run) do(ctx context.Context, bound time.Duration, logger *log.Logger) error {
	wires, err := capture(r.lab)
	if err != nil {
		return err
	}
	err = r.talk(ctx, wires[0], bound, logger)
	packets, stopErr := stopAll(wires)
	r.atClient, r.atBackends = packets[0], packets[1:]
	r.traceAll()
	return errors.Join(err, stopErr)
}

func (r *run) talk(ctx context.Context, atClient *lab.Capture, bound time.Duration, logger *log.Logger) error {
	stop, err := r.server.start(r.lab.Backends, logger)
	if err != nil {
		return err
	}
	err = ask(ctx, r.lab.Client, atClient, r.requests, bound)
	return errors.Join(err, stop())
}

// capture starts captures at the client and at each backend, in this order.
func capture(l *lab.Lab) ([]*lab.Capture, error) {
	hosts := []*lab.Host{l.Client}
	for _, b := range l.Backends {
		hosts = append(hosts, b.Host)
	}
	var captures []*lab.Capture
	for _, h := range hosts {
		c, err := h.Capture("eth0")
		if err != nil {
			_, stopErr := stopAll(captures)
			return nil, errors.Join(err, stopErr)
		}
		captures = append(captures, c)
	}
	return captures, nil
}

func stopAll(captures []*lab.Capture) ([][]lab.Packet, error) {
	var packets [][]lab.Packet
	var errs []error
	for _, c := range captures {
		ps, err := c.Stop()
		packets = append(packets, ps)
		errs = append(errs, err)
	}
	return packets, errors.Join(errs...)
}
