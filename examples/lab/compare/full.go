//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/dsrudp/go-dsrudp/examples/lab/ask"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

const fullAsks = "The host's firewall tracks connections (it has a rule with ct state), and its table of them is full: as many clients as it holds (nf_conntrack_max) asked another service of the host, and again two seconds later, upon which the kernel keeps them. " +
	"Now new clients ask (the naive program on the machine's own address). Then the operator exempts the port (nft: udp dport 60002 notrack in prerouting, udp sport 60002 notrack in output, both of priority raw), and new clients ask once more. " +
	"The result also has what happens before. All answers must be accepted after. " +
	"By default the kernel forgets a UDP client after 30 seconds, or 120 of one that goes on, and a table that nobody fills any more empties itself; here that is 600, so that the table stays full. " +
	"Not tried is a host whose firewall tracks nothing, where DNAT's own clients are what fills the table, and the other repairs put nothing into it (see kernel memory). " +
	"A table of more than 262 144 connections is not filled."

const (
	fullMost     = maxClients             // connections in a table that is filled here: what the kernel makes it by default, at most
	otherService = echo.Port + 1          // the port of the service whose clients fill it
	shortBound   = 500 * time.Millisecond // how long requests wait for an answer from a host whose table is full

	// assured is how long a client must go on, in both directions, before the
	// kernel no longer drops it in favour of a new one.
	assured = 2 * time.Second
)

// A fullHost is the server of a pair, with a full table.
type fullHost struct {
	*clientSet
	size      int
	newcomers uint16 // so far: DNAT's entries outlive its rule, and each client has a port of its own
}

// full fills one table, which takes longer than all the rest, and puts the repairs
// in place one after the other.
func full(ctx context.Context, ts []*trial) (cells []Cell, err error) {
	p, err := newPair()
	defer func() { err = errors.Join(err, p.Close()) }()
	if err != nil {
		return nil, err
	}
	h := &fullHost{}
	if err := errors.Join(track(p.server), rememberClients(p.server)); err != nil {
		return nil, err
	}
	if h.size, err = conntrack(p.server, "nf_conntrack_max"); err != nil {
		return nil, err
	}
	clients := h.size
	if n := ts[0].effort.table; n > 0 {
		clients = n
	}
	if clients > fullMost {
		for range ts {
			cells = append(cells, Cell{Verdict: TooLarge, Says: fmt.Sprintf("the table holds %s connections; root can make it smaller for a while: sysctl -w net.netfilter.nf_conntrack_max=%d",
				thousands(clients), fullMost)})
		}
		return cells, nil
	}
	if h.clientSet, err = newClientSet(p, netip.AddrPortFrom(pairServer, otherService)); err != nil {
		return nil, err
	}
	if err := h.fill(ctx, clients); err != nil {
		return nil, err
	}
	for _, t := range ts {
		c, err := h.try(ctx, t)
		if err != nil {
			c = failed(err)
		}
		cells = append(cells, c)
	}
	return cells, nil
}

// fill has so many clients ask another service, and again when that makes the kernel
// keep them.
func (h *fullHost) fill(ctx context.Context, clients int) error {
	var service net.PacketConn
	err := h.server.Do(func() (err error) {
		service, err = net.ListenUDP("udp", &net.UDPAddr{Port: otherService})
		return err
	})
	if err != nil {
		return err
	}
	var serving sync.WaitGroup
	serving.Go(func() { echo.Serve(service, echo.Answer, func(error) {}) }) // what fails, the clients miss
	defer serving.Wait()
	defer service.Close()
	if err := h.ask(ctx, 0, clients); err != nil {
		return err
	}
	select {
	case <-time.After(assured + time.Second/4):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := h.ask(ctx, 0, clients); err != nil {
		return err
	}
	n, err := conntrack(h.server, "nf_conntrack_count")
	if err == nil && n < clients {
		err = fmt.Errorf("compare: of %d clients the kernel keeps %d", clients, n)
	}
	return err
}

// try puts a repair in place, and asks before the port is exempt and after.
func (h *fullHost) try(ctx context.Context, t *trial) (c Cell, err error) {
	defer func() { err = errors.Join(err, h.clear(t.repair)) }()
	if err := t.repair.apply(h.server, []netip.Addr{pairVIP}, pairServer); err != nil {
		return c, err
	}
	srv, err := t.repair.program.start(h.server, []netip.Addr{pairVIP}, false)
	if err != nil {
		return c, err
	}
	defer srv.stop()
	entries, err := conntrack(h.server, "nf_conntrack_count")
	if err != nil {
		return c, err
	}
	before, err := h.askAsNew(ctx, t, shortBound)
	if err != nil {
		return c, err
	}
	if err := exempt(h.server); err != nil {
		return c, err
	}
	c, err = h.askAsNew(ctx, t, t.bound)
	if err != nil {
		return c, err
	}
	c.Happened = []string{fmt.Sprintf("before: %s; exempt from tracking: %s", before.Says, c.Says)}
	c.Says = fmt.Sprintf("%s of %s connections in the table; %s", thousands(entries), thousands(h.size), c.Happened[0])
	if t.repair.stateful() {
		c.Says += "; the table is full of another service's connections: that this repair's own, one for each client, fill one in which there is nothing else was not tried"
	}
	c.Wires = append(before.Wires, c.Wires...)
	c.Numbers["entries"], c.Numbers["accepted before"] = float64(entries), before.Numbers["accepted"]
	return c.notePlace(t.repair), err
}

// askAsNew asks as clients that the kernel has not seen before.
func (h *fullHost) askAsNew(ctx context.Context, t *trial, bound time.Duration) (Cell, error) {
	return (&trial{repair: Repair{}, bound: bound}).put(ctx, func(ctx context.Context, nw *network) error {
		wire, err := nw.capture(h.client, pairDev, false)
		if err != nil {
			return err
		}
		if _, err := nw.capture(h.server, pairDev, true); err != nil {
			return err
		}
		rs := requests(h.client, wire, pairClient, pairTarget(t.repair))
		for _, r := range rs {
			r.From = netip.AddrPortFrom(pairClient, ask.FirstPort+h.newcomers)
			h.newcomers++
		}
		return nw.ask(ctx, rs...)
	})
}

// clear removes from the host what a repair and exempt did to it.
func (h *fullHost) clear(r Repair) error {
	if r.rules != nil && r.rules.byTool && r.rules.tool == "iptables" { // the one of old has tables of its own
		if err := repair.Run(h.server, repair.Command{"iptables", "-t", "nat", "-F"}); err != nil {
			return err
		}
	}
	c, err := h.server.Nftables()
	if err != nil {
		return err
	}
	tables, err := c.ListTables()
	if err != nil {
		return err
	}
	for _, t := range tables {
		if t.Name != firewall {
			c.DelTable(t)
		}
	}
	return c.Flush()
}
