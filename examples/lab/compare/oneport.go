//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// onePort asks two VIPs.
func onePort(ctx context.Context, t *trial) (finding, error) {
	return t.askFromOnePort(ctx, 2, func(l *lab.Lab) []netip.Addr { return l.VIPs4 })
}

// onePortDirect asks a VIP and the backend itself.
func onePortDirect(ctx context.Context, t *trial) (finding, error) {
	return t.askFromOnePort(ctx, 1, func(l *lab.Lab) []netip.Addr {
		return []netip.Addr{l.VIPs4[0], l.Backends[0].External4}
	})
}

// askFromOnePort asks addresses of one backend, so that one client port meets
// itself there, and also tells whether the program saw it as one.
func (t *trial) askFromOnePort(ctx context.Context, vips int, to func(*lab.Lab) []netip.Addr) (finding, error) {
	var all []knowledge
	f, err := t.telling().plays(ctx, func(balancer string) plot {
		return func(ctx context.Context, s *scene) ([]*request, error) {
			rs, known, err := s.askToBeTold(ctx, lab.Options{Balancer: lab.Balancer(balancer), Backends: 1, VIPs: vips}, to)
			all = append(all, known)
			return rs, err
		}
	}, balancers...)
	if err != nil {
		return f, err
	}
	var k knowledge
	for _, known := range all {
		k.add(known)
	}
	f.says += fmt.Sprintf("; of %d requests it got, the program saw %s", k.requests, k.portsSeen())
	f.happened = append(f.happened, k.portsSeen())
	if f.verdict == Met && k.ports < k.requests {
		f.short = "port rewritten"
	}
	f.numbers["client ports seen"] = float64(k.ports)
	f.numbers["client ports rewritten"] = float64(k.requests - k.ports)
	return f, nil
}

func sees(ctx context.Context, t *trial) (f finding, err error) {
	var k knowledge
	f, err = t.telling().play(ctx, func(ctx context.Context, s *scene) (rs []*request, err error) {
		rs, k, err = s.askToBeTold(ctx, lab.Options{Backends: 1, VIPs: 2}, func(l *lab.Lab) []netip.Addr { return l.VIPs4 })
		return rs, err
	})
	if err != nil {
		return f, err
	}
	f.verdict, f.says = verdict(k.complete()), k.String()
	f.happened = []string{k.vipsSeen(), k.portsSeen()}
	f.numbers["VIPs seen"], f.numbers["client ports seen"] = float64(k.vips), float64(k.ports)
	return f, nil
}

// telling is the trial with the program that tells what it knows of requests.
func (t *trial) telling() *trial {
	told := *t
	told.repair.program.answer = told.repair.program.tell
	return &told
}

// askToBeTold asks each of the addresses from each of some ports.
func (s *scene) askToBeTold(ctx context.Context, o lab.Options, to func(*lab.Lab) []netip.Addr) ([]*request, knowledge, error) {
	l, wire, err := s.build(o, vips4)
	if err != nil {
		return nil, knowledge{}, err
	}
	rs := requests(l.Client, wire, l.Client4, ports, to(l)...)
	for _, r := range rs {
		r.told = true
	}
	err = ask(ctx, s.trial.bound, rs...)
	known, knownErr := learn(rs, wire.Packets())
	return rs, known, errors.Join(err, knownErr)
}
