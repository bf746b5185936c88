//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

const fullAsks = "The host's firewall tracks connections (it has a rule with ct state), and its table of them is full: as many clients as it holds (nf_conntrack_max) asked another service of the host, and again two seconds later, upon which the kernel keeps them. " +
	"Now new clients ask (the naive program on the machine's own address). Then the operator exempts the port (nft: udp dport 60002 notrack in prerouting, udp sport 60002 notrack in output, both of priority raw), and new clients ask once more. " +
	"It is told what happens before. All answers must be accepted after. " +
	"By default the kernel forgets a UDP client after 30 seconds, or 120 of one that goes on, and a table that nobody fills any more empties itself; here it is told 600, so that the table stays full. " +
	"Not tried is a host whose firewall tracks nothing, where DNAT's own clients are what fills the table, and the other repairs put nothing into it (see kernel memory). " +
	"A table is filled if that takes no more than half of the memory available, at 512 bytes a connection, and a minute."

// Bounds of a table that is filled here.
const (
	fullTime    = time.Minute // that filling it may take
	fullEntry   = 512         // bytes for a connection, twice what its object takes: they are not to be had back at once
	fullShare   = 2           // of the memory that is available, the part that may be taken: a half
	fullDefault = 262_144     // what the kernel makes it by default, at most
)

// assured is how long a client must go on, in both directions, before the kernel
// no longer drops it in favour of a new one.
const assured = 2 * time.Second

// full fills one table, which takes longer than all the rest, and puts the repairs
// in place one after the other.
func full(ctx context.Context, ts []*trial, found func(int, finding)) (err error) {
	s, err := newFullStand()
	defer func() { err = errors.Join(err, s.close()) }()
	if err != nil {
		return err
	}
	clients := ts[0].effort.table
	if clients == 0 {
		clients = s.size
	}
	available, err := meminfo("MemAvailable")
	if err != nil {
		return err
	}
	why := tooMuch(clients, available)
	if why == "" {
		if why, err = s.fillWithin(ctx, clients, fullTime); err != nil {
			return err
		}
	}
	if why != "" {
		for i := range ts {
			found(i, tooLarge(s.size, why))
		}
		return nil
	}
	for i, t := range ts {
		f, err := s.try(ctx, t)
		if err != nil {
			f = failed(err)
		}
		found(i, f)
	}
	return nil
}

// tooMuch says why so many connections would take too much of the memory that is
// available, or nothing.
func tooMuch(connections int, available int64) string {
	if need := int64(connections) * fullEntry; need > available/fullShare {
		return fmt.Sprintf("takes up to %s MB of the kernel's memory, and no more than half of the %s MB that are available is taken",
			thousands(int(need/1e6)), thousands(int(available/1e6)))
	}
	return ""
}

// fillWithin is fill, and says why the table was not filled if the time did not do.
func (s *fullStand) fillWithin(ctx context.Context, clients int, bound time.Duration) (why string, err error) {
	filling, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	if err = s.fill(filling, clients); errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Sprintf("takes longer than %v", bound), nil
	}
	return "", err
}

// tooLarge is what is found out about a table that is not filled here.
func tooLarge(size int, why string) finding {
	return finding{verdict: TooLarge, says: fmt.Sprintf("the table holds %s connections, and to fill it %s; "+
		"root can make it smaller for a while: sysctl -w net.netfilter.nf_conntrack_max=%d", thousands(size), why, fullDefault)}
}

// try puts a repair in place, and asks before the port is exempt and after.
func (s *fullStand) try(ctx context.Context, t *trial) (f finding, err error) {
	sc := &scene{trial: t}
	defer func() {
		_, closeErr := sc.close()
		err = errors.Join(err, closeErr, s.clear(t.repair))
	}()
	if err := sc.repaired(s.pair.server, []netip.Addr{pairVIP}, pairServer); err != nil {
		return f, err
	}
	entries, err := tracked(s.pair.server)
	if err != nil {
		return f, err
	}
	before, err := s.newcomers(ctx, t, s.dropped)
	if err != nil {
		return f, err
	}
	if err := s.exempt(); err != nil {
		return f, err
	}
	f, err = s.newcomers(ctx, t, nil)
	if err != nil {
		return f, err
	}
	f.says = fmt.Sprintf("%s of %s connections in the table; before: %s; exempt from tracking: %s",
		thousands(entries), thousands(s.size), before.says, f.says)
	if t.repair.stateful {
		f.says += "; the table is full of another service's connections: that this repair's own, one for each client, fill one in which there is nothing else was not tried"
	}
	f.happened = []string{"before, " + before.happened[0], "exempt, " + f.happened[0]}
	kind, err := sockets(sc.conns())
	f.work = []string{kind + "; " + allTracked}
	f.wires = append(before.wires, f.wires...)
	f.numbers["entries"], f.numbers["accepted before"] = float64(entries), before.numbers["accepted"]
	return noted(t.repair, f), err
}

// newcomers asks as clients that the kernel has not seen before. It need not wait
// for answers of which until says that they will not come; that may be nil.
func (s *fullStand) newcomers(ctx context.Context, t *trial, until func(ctx context.Context, requests int) (bool, error)) (f finding, err error) {
	sc := &scene{trial: t}
	wire, err := sc.capture(s.pair.client, pairDev)
	if err == nil {
		_, err = sc.captureServer(s.pair.server, pairDev)
	}
	if err == nil {
		rs := requests(s.pair.client, wire, pairClient, ports, standVIP(t.repair))
		for _, r := range rs { // DNAT's entries outlive its rule, and block who comes again
			r.from = netip.AddrPortFrom(pairClient, firstPort+s.newcomersSoFar)
			s.newcomersSoFar++
		}
		err = askUntil(ctx, t.bound, until, rs...)
		trace(rs, sc.atServers...)
		f = findingOf(rs, "")
	}
	wires, closeErr := sc.close()
	f.wires = wires
	return f, errors.Join(err, closeErr)
}

// askUntil is ask, which ends early if until says so.
func askUntil(ctx context.Context, bound time.Duration, until func(context.Context, int) (bool, error), rs ...*request) error {
	if until == nil {
		return ask(ctx, bound, rs...)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		over, err := until(ctx, len(rs))
		if over {
			cancel()
		}
		ended <- err
	}()
	err := ask(ctx, bound, rs...)
	cancel()
	return errors.Join(err, <-ended)
}
