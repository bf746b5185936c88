//go:build linux

package compare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"

	"github.com/dsrudp/go-dsrudp/examples/lab/ask"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// either are both balancers, for questions on which they may have a say.
var either = []lab.Balancer{lab.ECMP, lab.Maglev}

// once returns a question that is put in one lab, and twice one that is put behind
// either balancer.
func once(put func(context.Context, *network) error) func(context.Context, *trial) (Cell, error) {
	return func(ctx context.Context, t *trial) (Cell, error) { return t.put(ctx, put) }
}

func twice(put func(context.Context, *network) error) func(context.Context, *trial) (Cell, error) {
	return func(ctx context.Context, t *trial) (Cell, error) { return t.put(ctx, put, either...) }
}

// vips asks so many VIPs, from ports that differ between them.
func vips(n int, ipv6 bool) func(context.Context, *network) error {
	return func(ctx context.Context, nw *network) error {
		l, wire, err := nw.build(lab.Options{VIPs: n}, ipv6)
		if err != nil {
			return err
		}
		if ipv6 {
			return nw.ask(ctx, apart(requests(l.Client, wire, l.Client6, l.VIPs6...))...)
		}
		return nw.ask(ctx, apart(requests(l.Client, wire, l.Client4, l.VIPs4...))...)
	}
}

// twoVIPs also shows what comes of a program that is bound to one VIP alone, which
// decides nothing.
func twoVIPs(ctx context.Context, t *trial) (Cell, error) {
	c, err := t.put(ctx, vips(2, false), either...)
	if err != nil || t.repair.program.single == nil {
		return c, err
	}
	alone := *t
	alone.repair.program = *t.repair.program.single
	one, err := alone.put(ctx, vips(2, false), either...)
	c.Says += "; bound to the first VIP alone: " + one.Says
	for i, h := range one.Happened {
		c.Happened[i] += "; bound to the first VIP alone: " + h
	}
	c.Numbers["requests bound to one"], c.Numbers["accepted bound to one"] = one.Numbers["requests"], one.Numbers["accepted"]
	return c, err
}

// direct asks a VIP and, by its own address, the first backend.
func direct(ctx context.Context, nw *network) error {
	l, wire, err := nw.build(lab.Options{VIPs: 1}, false)
	if err != nil {
		return err
	}
	return nw.ask(ctx, apart(requests(l.Client, wire, l.Client4, l.VIPs4[0], l.Backends[0].External4))...)
}

// The internal balancer's address, which the lab does not know of.
var internalVIP = netip.MustParseAddr("10.131.0.2")

// internalAndExternal has a lab's second backend be a client of the network, and
// leads to the first what is for either VIP.
func internalAndExternal(ctx context.Context, nw *network) error {
	l, err := lab.New(lab.Options{VIPs: 1})
	if err != nil {
		return err
	}
	nw.places = append(nw.places, l)
	backend, inside := l.Backends[0], l.Backends[1]
	vips := []netip.Addr{l.VIPs4[0], internalVIP}
	internal := netip.PrefixFrom(internalVIP, 32)
	if err := l.Gateway.AddRoute(internal, lab.BalancerFeed4, "lb0"); err != nil {
		return err
	}
	if err := backend.AddLocalRoute(internal, "eth0"); err != nil {
		return err
	}
	out, err := l.Balancer.Index("out0")
	if err != nil {
		return err
	}
	for _, v := range vips {
		err := l.Balancer.Netlink().RouteReplace(&netlink.Route{
			LinkIndex: out, Dst: &net.IPNet{IP: v.AsSlice(), Mask: net.CIDRMask(32, 32)}, Gw: backend.Internal4.AsSlice(),
		})
		if err != nil {
			return err
		}
	}
	if err := nw.serve(backend.Host, "eth0", vips, backend.Internal4); err != nil {
		return err
	}
	var rs []*ask.Request
	for i, h := range []*lab.Host{l.Client, inside.Host} {
		wire, err := nw.capture(h, "eth0", false)
		if err != nil {
			return err
		}
		rs = append(rs, requests(h, wire, []netip.Addr{l.Client4, inside.Internal4}[i], vips[i])...)
	}
	return nw.ask(ctx, rs...)
}

// onePort asks two VIPs, or a VIP and the backend itself, of one backend, so that one
// client port meets itself there. It also finds whether the program saw it as one.
func onePort(direct bool) func(context.Context, *network) error {
	return func(ctx context.Context, nw *network) error {
		k, err := nw.askToReport(ctx, direct)
		nw.says = "; the program saw " + k.portsSeen()
		if k.ports < k.reports {
			nw.short = "port rewritten"
		}
		nw.numbers["client ports seen"], nw.numbers["client ports rewritten"] = float64(k.ports), float64(k.reports-k.ports)
		return err
	}
}

// sees asks whether the program knows of each request which VIP it was sent to, and
// from which port.
func sees(ctx context.Context, nw *network) error {
	k, err := nw.askToReport(ctx, false)
	n := len(nw.requests)
	nw.judged, nw.met = true, k.vips == n && k.ports == n
	nw.says = fmt.Sprintf("it saw the VIP of %d of %d%s, and %s", k.vips, n, k.instead, k.portsSeen())
	nw.numbers["VIPs seen"], nw.numbers["client ports seen"] = float64(k.vips), float64(k.ports)
	return err
}

// knowledge is what a program knew of requests.
type knowledge struct {
	reports int    // requests that it answered with a report
	vips    int    // of them those whose destination it named
	ports   int    // and those whose client's port it named
	instead string // what it named instead of a destination, the last time
}

func (k knowledge) portsSeen() string {
	if k.ports == k.reports {
		return fmt.Sprintf("the client's own port of %d", k.ports)
	}
	return fmt.Sprintf("the client's own port of %d, another one of %d", k.ports, k.reports-k.ports)
}

// askToReport asks from each of some ports, and returns what the program knew, by
// its answers on the client's wire: also by those that the client rejected.
func (nw *network) askToReport(ctx context.Context, direct bool) (k knowledge, err error) {
	nw.reports = true
	o := lab.Options{Backends: 1, VIPs: 2}
	if direct {
		o.VIPs = 1
	}
	l, wire, err := nw.build(o, false)
	if err != nil {
		return k, err
	}
	to := l.VIPs4
	if direct {
		to = append(slices.Clone(to), l.Backends[0].External4)
	}
	rs := requests(l.Client, wire, l.Client4, to...)
	for _, r := range rs {
		r.Reports = true
	}
	if err := nw.ask(ctx, rs...); err != nil {
		return k, err
	}
	packets := wire.Packets()
	for _, r := range rs {
		i := slices.IndexFunc(packets, r.IsAnswer)
		if i < 0 {
			continue
		}
		local, remote, err := echo.Saw(packets[i].Payload)
		if err != nil {
			return k, err
		}
		k.reports++
		switch {
		case local.Addr() == r.To.Addr():
			k.vips++
		case local.Addr().IsUnspecified():
			k.instead = " (it saw the wildcard address alone)"
		default:
			k.instead = fmt.Sprintf(" (it saw %v)", local.Addr())
		}
		if remote == r.From {
			k.ports++
		}
	}
	return k, nil
}

// asymmetric also finds whether a backend took the client for a neighbour on the
// interface by which requests come in, which is how answers end there.
func asymmetric(ctx context.Context, nw *network) error {
	l, wire, err := nw.build(lab.Options{VIPs: 1, Asymmetric: true}, false)
	if err != nil {
		return err
	}
	for _, b := range l.Backends {
		if _, err := nw.capture(b.Host, "eth1", true); err != nil {
			return err
		}
	}
	if err := nw.ask(ctx, requests(l.Client, wire, l.Client4, l.VIPs4...)...); err != nil {
		return err
	}
	for _, b := range l.Backends {
		index, err := b.Index("eth0")
		if err != nil {
			return err
		}
		neighbours, err := b.Netlink().NeighList(index, netlink.FAMILY_ALL)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(neighbours, func(n netlink.Neigh) bool {
			ip, ok := netip.AddrFromSlice(n.IP)
			return ok && ip.Unmap() == l.Client4 && n.State&(netlink.NUD_INCOMPLETE|netlink.NUD_FAILED) != 0
		}) {
			nw.says = "; a backend looked for the client among its neighbours on eth0"
		}
	}
	return nil
}

// sameHost asks over the backend's loopback interface, by which all goes that a host
// sends to itself.
func sameHost(ctx context.Context, nw *network) error {
	l, _, err := nw.build(lab.Options{Backends: 1, VIPs: 1}, false)
	if err != nil {
		return err
	}
	b := l.Backends[0]
	wire, err := nw.capture(b.Host, "lo", true)
	if err != nil {
		return err
	}
	var rs []*ask.Request
	for _, from := range []netip.AddrPort{{}, netip.AddrPortFrom(b.Internal4, 0), netip.MustParseAddrPort("127.0.0.1:0")} {
		rs = append(rs, &ask.Request{
			Host: b.Host, Wire: wire, From: from, To: at(l.VIPs4[0]), Payload: fmt.Appendf(nil, "request from %v", from),
		})
	}
	return nw.ask(ctx, rs...)
}

// broadcast has the client's sockets connected to the server's own address, which is
// where answers have to come from, and sends the requests from others with the same
// ports, which take no answer because they are connected to the broadcast address.
func broadcast(ctx context.Context, nw *network) error {
	p, err := newPair()
	nw.places = append(nw.places, p)
	if err != nil {
		return err
	}
	wire, err := nw.capture(p.client, pairDev, false)
	if err != nil {
		return err
	}
	if err := nw.serve(p.server, pairDev, []netip.Addr{pairVIP}, pairServer); err != nil {
		return err
	}
	// That the program serves at all shows first, where its answer is right: else
	// silence is no sign of anything.
	first := requests(p.client, wire, pairClient, pairTarget(nw.repair))[0]
	first.From = netip.AddrPort{} // a port of its own: DNAT remembers those it saw
	if err := ask.All(ctx, nw.bound, first); err != nil {
		return err
	}
	if first.Outcome != ask.Accepted {
		return fmt.Errorf("compare: a request to %v, which the program serves, was %s", first.To, first.Outcome)
	}
	nw.servers[0].sent.Add(-1) // which the program may not have counted yet
	rs := requests(p.client, wire, pairClient, pairServer)
	for _, r := range rs {
		r.Send = func() error {
			c, err := ask.Dial(ctx, p.client, "udp4", r.From, at(pairBroadcast), syscall.SO_REUSEADDR, syscall.SO_BROADCAST)
			if err != nil {
				return err
			}
			_, err = c.Write(r.Payload)
			return errors.Join(err, c.Close())
		}
	}
	return nw.ask(ctx, rs...)
}

// fragments asks with requests that no link takes in one piece, and requires that
// they and their answers were in fragments: else another question was put.
func fragments(size int) func(context.Context, *network) error {
	return func(ctx context.Context, nw *network) error {
		l, wire, err := nw.build(lab.Options{VIPs: 1}, false)
		if err != nil {
			return err
		}
		rs := requests(l.Client, wire, l.Client4, l.VIPs4...)
		for _, r := range rs {
			r.Payload = append(r.Payload, strings.Repeat(".", size-len(r.Payload))...)
		}
		if err := nw.ask(ctx, rs...); err != nil {
			return err
		}
		answers := 0
		for _, r := range rs {
			if r.Outcome == ask.Accepted || r.Outcome == ask.Rejected {
				answers++
			}
		}
		var client, servers [2]int // requests, answers
		for _, w := range nw.wires {
			n, err := firstFragments(w.Packets())
			if err != nil {
				return fmt.Errorf("compare: on %s of %s: %w", w.dev, w.host.Name, err)
			}
			if w.Capture == wire {
				client = n
			} else {
				servers[0], servers[1] = servers[0]+n[0], servers[1]+n[1]
			}
		}
		if want := [2]int{len(rs), answers}; client != want || servers != want {
			return fmt.Errorf("compare: requests and answers in fragments: %v at the client, %v at the servers, and it has to be %v", client, servers, want)
		}
		nw.says = fmt.Sprintf("; the client saw its %d requests and their %d answers in fragments", len(rs), answers)
		return nil
	}
}

// firstFragments counts requests and answers that a wire had in fragments. An error
// says that one came whole.
//
// A later fragment may look like a first one of other ports for a moment: a capture
// shares its data with the packet on its way, and the next router that cuts the
// datagram again copies the first one's header over those of the others, and then
// puts the offset right. What a later one has in the place of the ports is payload.
func firstFragments(packets []lab.Packet) (n [2]int, err error) {
	for _, p := range packets {
		switch {
		case p.Kind != lab.UDP || p.Src.Port() != echo.Port && p.Dst.Port() != echo.Port:
		case len(p.Payload) == p.Length:
			return n, fmt.Errorf("%v came whole", p)
		case bytes.HasPrefix(p.Payload, []byte(echo.Prefix)):
			n[1]++
		default:
			n[0]++
		}
	}
	return n, nil
}
