//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dsrudp/go-dsrudp/examples/lab/style"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// network draws the lab, with the addresses of the families asked for.
func (p *page) network(l *lab.Lab, o options) {
	var balancers, backends []string
	for _, b := range o.balancers {
		balancers = append(balancers, string(b))
	}
	for _, b := range l.Backends {
		backends = append(backends, b.Name)
	}
	fmt.Fprintf(p.w, `%s

                    +---- requests for a VIP ----> load balancer (%s)
                    |                                  |
                    |                                  | addresses left alone
                    |                                  v
    client <----> gateway <------- answers ------- %s

`, style.Heading.Sprint("UDP behind a passthrough load balancer with direct server return"),
		strings.Join(balancers, ", "), strings.Join(backends, ", "))
	line := func(name string, describe func(family) string) {
		for i, f := range o.families {
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(p.w, "    %-10s %s\n", name, describe(f))
		}
	}
	line("client", func(f family) string { return f.client(l).String() })
	line("VIPs", func(f family) string { return list(f.vips(l)) })
	fmt.Fprintf(p.w, "    %-10s (local routes on every backend; no interface owns them)\n", "")
	for _, b := range l.Backends {
		line(b.Name, func(f family) string {
			own, outside := f.own(b), f.ownOutside(b)
			if own == outside {
				return own.String()
			}
			return fmt.Sprintf("%v, on the internet %v", own, outside)
		})
	}
}

// list writes the first few addresses.
func list(addrs []netip.Addr) string {
	const most = 3
	var names []string
	for _, a := range addrs[:min(most, len(addrs))] {
		names = append(names, a.String())
	}
	s := strings.Join(names, ", ")
	if more := len(addrs) - most; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// example returns the request to show: one to the first VIP that came to the
// first backend, as in the document, or the next best.
func (r *run) example() *request {
	best := r.requests[0]
	for _, q := range r.requests {
		switch {
		case q.trace.backend != 0:
		case q.to == r.requests[0].to:
			return q
		case best.trace.backend != 0:
			best = q
		}
	}
	return best
}

// views shows what the document shows: one request and its answer, as seen by
// tcpdump on the server's machine and on the client's.
func (p *page) views(r *run, q *request) {
	t := q.trace
	fmt.Fprintf(p.w, "\n%s\n", style.Heading.Sprintf("The echo server with %s.ListenUDP", r.server.name))
	if t.backend >= 0 {
		fmt.Fprintf(p.w, "\n  %s\n", r.lab.Backends[t.backend].Name)
		p.packets(t.server)
	}
	fmt.Fprintf(p.w, "\n  client\n")
	p.packets(t.client)

	said := "has no answer"
	if i := slices.IndexFunc(t.client, q.isAnswer); i >= 0 {
		said = fmt.Sprintf("is answered by %v", t.client[i].Src.Addr())
	}
	fmt.Fprintf(p.w, "\n  The client asks %v and %s: %v.\n", q.to.Addr(), said, colour(q.outcome == accepted).Sprint(q.outcome))
}

func colour(ok bool) text.Colors {
	if ok {
		return style.Good
	}
	return style.Bad
}

// packets prints lines as of tcpdump, folded where they are too long.
func (p *page) packets(packets []lab.Packet) {
	const indent, hang = 4, 8
	for _, packet := range packets {
		line := packet.String()
		if indent+len(line) > style.Width {
			addresses, rest, _ := strings.Cut(line, ": ")
			rest = text.WrapSoft(rest, style.Width-hang)
			line = addresses + ":\n" + strings.Repeat(" ", hang) +
				strings.ReplaceAll(rest, "\n", "\n"+strings.Repeat(" ", hang))
		}
		fmt.Fprintf(p.w, "%*s%s\n", indent, "", line)
	}
}
