//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dsrudp/go-dsrudp/examples/lab/ask"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/examples/lab/page"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A trial is one repair to which a question is put.
type trial struct {
	repair Repair
	bound  time.Duration
	effort effort
}

// A network is where servers with the repair in place are asked.
type network struct {
	trial
	balancer lab.Balancer // where the question is put behind either
	reports  bool         // programs report what they know of requests

	places   []io.Closer
	hosts    []*lab.Host // where the repair is in place
	servers  []*server
	wires    []wire
	requests []*ask.Request

	// What the question has found besides what became of the requests. Says follows
	// that, or stands for it if judged is set, and then met is the verdict.
	says, short string
	met, judged bool
	numbers     map[string]float64
}

// A wire is a capture of one interface.
type wire struct {
	*lab.Capture
	host     *lab.Host
	dev      string
	atServer bool
}

// put puts a question to the repair, once or behind each balancer. It is met if in
// every network all answers were accepted, or what the question asks for came.
func (t *trial) put(ctx context.Context, question func(context.Context, *network) error, balancers ...lab.Balancer) (Cell, error) {
	if balancers == nil {
		balancers = []lab.Balancer{""}
	}
	c := Cell{Verdict: Met, Numbers: make(map[string]float64)}
	for _, b := range balancers {
		nw := &network{trial: *t, balancer: b, numbers: make(map[string]float64)}
		err := question(ctx, nw)
		tracked, trackErr := nw.tracked()
		wires, closeErr := nw.close()
		var unbound *listenError
		if errors.As(err, &unbound) {
			nw.judged, nw.says, err = true, fmt.Sprintf("the program cannot bind (%s)", named(unbound)), nil
		}
		if err := errors.Join(err, trackErr, closeErr); err != nil {
			return c, err
		}
		if tracked != t.repair.stateful() && len(nw.requests) > 0 {
			c.Differs = fmt.Sprintf("another repair was at work: that the kernel tracks connections is %v", tracked)
		}
		says, met := nw.result(wires)
		if c.Happened = append(c.Happened, says); !met {
			c.Verdict = NotMet
		}
		c.Short = nw.short
		for name, n := range nw.numbers {
			c.Numbers[name] += n
		}
		for i, w := range nw.wires {
			c.Wires = append(c.Wires, Wire{strings.TrimPrefix(fmt.Sprintf("%s, %s %s", b, w.host.Name, w.dev), ", "), wires[i]})
		}
	}
	c.Says = c.Happened[0]
	switch {
	case len(balancers) == 1:
	case c.Happened[0] == c.Happened[1]:
		c.Says += fmt.Sprintf(" (%s and %s)", balancers[0], balancers[1])
	default:
		c.Says = fmt.Sprintf("%s: %s; %s: %s", balancers[0], c.Happened[0], balancers[1], c.Happened[1])
	}
	return c, nil
}

// result returns what happened in the network, and whether the question is met in it.
func (nw *network) result(wires [][]lab.Packet) (says string, met bool) {
	for i, w := range nw.wires {
		if w.atServer {
			ask.Trace(nw.requests, w.dev, wires[i])
		}
	}
	maps.Copy(nw.numbers, count(nw.requests))
	if nw.judged {
		return nw.says, nw.met
	}
	says, met = tally(nw.requests, nw.because())
	return says + nw.says, met
}

// because explains why requests were not answered: by the last error that a server
// got, or by how many answers the programs believe that they sent.
func (nw *network) because() string {
	sent := 0
	for _, srv := range nw.servers {
		if err := srv.failed.Load(); err != nil {
			return fmt.Sprintf(" (the program: %s)", named(*err))
		}
		sent += int(srv.sent.Load())
	}
	if nw.numbers[string(ask.Unanswered)] == 0 || len(nw.servers) == 0 {
		return ""
	}
	return fmt.Sprintf(" (the program sent %s)", page.Plural(sent, "answer"))
}

// ask puts requests, and keeps them.
func (nw *network) ask(ctx context.Context, rs ...*ask.Request) error {
	nw.requests = append(nw.requests, rs...)
	return ask.All(ctx, nw.bound, rs...)
}

// build makes a lab whose backends all have the repair in place for the VIPs of one
// family, and captures the client and the backends.
func (nw *network) build(o lab.Options, ipv6 bool) (*lab.Lab, *lab.Capture, error) {
	o.Balancer = nw.balancer
	l, err := lab.New(o)
	if err != nil {
		return nil, nil, err
	}
	nw.places = append(nw.places, l)
	client, err := nw.capture(l.Client, "eth0", false)
	if err != nil {
		return nil, nil, err
	}
	for _, b := range l.Backends {
		vips, internal := l.VIPs4, b.Internal4
		if ipv6 {
			vips, internal = l.VIPs6, b.Internal6
		}
		if err := nw.serve(b.Host, "eth0", vips, internal); err != nil {
			return nil, nil, err
		}
	}
	return l, client, nil
}

// serve captures an interface of a host, puts the repair in place there, for VIPs of
// one family, and starts its program.
func (nw *network) serve(h *lab.Host, dev string, vips []netip.Addr, internal netip.Addr) error {
	if _, err := nw.capture(h, dev, true); err != nil {
		return err
	}
	if err := nw.repair.apply(h, vips, internal); err != nil {
		return err
	}
	nw.hosts = append(nw.hosts, h)
	srv, err := nw.repair.program.start(h, vips, nw.reports)
	if err == nil {
		nw.servers = append(nw.servers, srv)
	}
	return err
}

// capture records what crosses an interface until the network is closed.
func (nw *network) capture(h *lab.Host, dev string, atServer bool) (*lab.Capture, error) {
	c, err := h.Capture(dev)
	if err == nil {
		nw.wires = append(nw.wires, wire{c, h, dev, atServer})
	}
	return c, err
}

// tracked returns whether the kernel tracks a connection on a host with the repair.
func (nw *network) tracked() (bool, error) {
	n := 0
	for _, h := range nw.hosts {
		k, err := conntrack(h, "nf_conntrack_count")
		if err != nil {
			return false, err
		}
		n += k
	}
	return n > 0, nil
}

// close ends servers, captures and hosts, and returns what each wire has seen.
func (nw *network) close() (wires [][]lab.Packet, err error) {
	for _, srv := range nw.servers {
		srv.stop()
	}
	for _, w := range nw.wires {
		packets, stopErr := w.Stop()
		wires, err = append(wires, packets), errors.Join(err, stopErr)
	}
	for _, p := range nw.places {
		err = errors.Join(err, p.Close())
	}
	return wires, err
}

// conntrack returns a number that the kernel's connection tracking shows, or 0 where
// it is not part of the kernel.
func conntrack(h *lab.Host, name string) (n int, err error) {
	err = h.Do(func() error {
		b, err := os.ReadFile("/proc/sys/net/netfilter/" + name)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil {
			_, err = fmt.Sscan(string(b), &n)
		}
		return err
	})
	return n, err
}

// at is an address with the server's port.
func at(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, echo.Port) }

// ports is the number of client ports that requests come from: enough for both
// backends to get some.
const ports = 6

// requests returns a request from each of some ports to each address: the first to
// each are from one port, the second from the next, and so on.
func requests(h *lab.Host, wire *lab.Capture, from netip.Addr, to ...netip.Addr) []*ask.Request {
	var rs []*ask.Request
	for i := range ports {
		for _, a := range to {
			rs = append(rs, &ask.Request{
				Host: h, Wire: wire,
				From:    netip.AddrPortFrom(from, ask.FirstPort+uint16(i)),
				To:      at(a),
				Payload: fmt.Appendf(nil, "request %d to %v", i+1, a),
			})
		}
	}
	return rs
}

// apart has no two requests leave one port.
func apart(rs []*ask.Request) []*ask.Request {
	for i, r := range rs {
		r.From = netip.AddrPortFrom(r.From.Addr(), ask.FirstPort+uint16(i))
	}
	return rs
}

// failures are the outcomes of requests that were not accepted, in the order in
// which they are named, with what is said of each; %s stands for the addresses or
// interfaces.
var failures = []struct {
	outcome ask.Outcome
	says    string
}{
	{ask.Rejected, "rejected, with %s for a source"},
	{ask.Dropped, "from %s, which did not reach the socket that asked"},
	{ask.Refused, "refused (ECONNREFUSED)"},
	{ask.Unanswered, "that reached the server's host, which no answer left"},
	{ask.Astray, "whose answer left the server's host by %s and did not arrive"},
	{ask.Lost, "lost without a trace"},
}

// count counts requests by outcome. Outcomes that did not occur count 0.
func count(rs []*ask.Request) map[string]float64 {
	n := map[string]float64{"requests": float64(len(rs)), string(ask.Accepted): 0}
	for _, f := range failures {
		n[string(f.outcome)] = 0
	}
	for _, r := range rs {
		n[string(r.Outcome)]++
	}
	return n
}

// tally says what became of requests, and whether all were accepted. Because explains
// what was not. Where one address was answered and another was not, it says so of each.
func tally(rs []*ask.Request, because string) (says string, met bool) {
	n := count(rs)
	parts := []string{fmt.Sprintf("%.0f of %d accepted", n["accepted"], len(rs))}
	if met = n["accepted"] == n["requests"]; met {
		return parts[0], true
	}
	var first, others []*ask.Request
	for _, r := range rs {
		if r.To == rs[0].To {
			first = append(first, r)
		} else {
			others = append(others, r)
		}
	}
	if n["accepted"] > 0 && len(others) > 0 { // to two addresses, never more
		a, _ := tally(first, because)
		b, _ := tally(others, because)
		return fmt.Sprintf("%v: %s; %v: %s", first[0].To.Addr(), a, others[0].To.Addr(), b), false
	}
	for _, f := range failures {
		var by []string
		for _, r := range rs {
			switch {
			case r.Outcome != f.outcome:
			case r.Stray.IsValid():
				by = append(by, r.Stray.Addr().String())
			case r.LeftBy != "":
				by = append(by, r.LeftBy)
			}
		}
		if n[string(f.outcome)] > 0 {
			slices.Sort(by)
			says := strings.Replace(f.says, "%s", strings.Join(slices.Compact(by), " and "), 1)
			parts = append(parts, fmt.Sprintf("%.0f %s", n[string(f.outcome)], says))
		}
	}
	return strings.Join(parts, "; ") + because, false
}
