//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dsrudp/go-dsrudp/examples/lab/ask"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/examples/lab/page"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A row counts what became of a run's requests to one VIP.
type row struct {
	Server   string       `json:"server"`
	LB       lab.Balancer `json:"lb"`
	Family   family       `json:"family"`
	VIP      netip.Addr   `json:"vip"`
	Sent     int          `json:"sent"`
	Accepted int          `json:"accepted"`
	Rejected int          `json:"rejected"`
	Timeouts int          `json:"timeouts"`
}

// rows counts the run's requests, VIP by VIP.
func (r *run) rows() []row {
	var rows []row
	for _, vip := range of(r.family, r.lab.VIPs4, r.lab.VIPs6) {
		row := row{Server: r.server.name, LB: r.balancer, Family: r.family, VIP: vip}
		for _, q := range r.requests {
			if q.To.Addr() != vip {
				continue
			}
			row.Sent++
			switch q.Outcome {
			case ask.Accepted:
				row.Accepted++
			case ask.Rejected:
				row.Rejected++
			default:
				row.Timeouts++
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// faults returns where the run differs from what is expected of its server: in
// outcomes, and in the source addresses on the wires.
func (r *run) faults() []string {
	var faults []string
	for _, row := range r.rows() {
		if n := map[ask.Outcome]int{ask.Accepted: row.Accepted, ask.Rejected: row.Rejected}[r.server.want]; n != row.Sent {
			faults = append(faults, fmt.Sprintf("%v, %v: of %d requests %d were accepted, %d rejected, and %d timed out; all should be %v",
				r, row.VIP, row.Sent, row.Accepted, row.Rejected, row.Timeouts, r.server.want))
		}
	}
	if len(faults) > 0 {
		return faults
	}
	for _, q := range r.requests {
		if f := r.sourceFault(q); f != "" {
			return []string{fmt.Sprintf("%v, %s: %s", r, q.Payload, f)} // the first will do
		}
	}
	return nil
}

// sourceFault returns which answer to a request came from another address than
// expected, at the backend or at the client: the VIP of an answer that is to be
// accepted, and the backend's own address of one that is to be rejected.
func (r *run) sourceFault(q *ask.Request) string {
	t := r.traces[q]
	if t.backend < 0 {
		return "no backend got it, and yet there was an answer"
	}
	b := r.lab.Backends[t.backend]
	inside, outside := q.To, q.To
	if r.server.want == ask.Rejected {
		inside = netip.AddrPortFrom(of(r.family, b.Internal4, b.Internal6), echo.Port)
		outside = netip.AddrPortFrom(of(r.family, b.External4, b.Internal6), echo.Port) // IPv6 is not translated
	}
	for _, side := range []struct {
		where   string
		packets []lab.Packet
		from    netip.AddrPort
	}{{b.Name, t.server, inside}, {"the client", t.client, outside}} {
		answers := only(side.packets, q.IsAnswer)
		for _, p := range answers {
			if p.Src != side.from {
				return fmt.Sprintf("at %s the answer is from %v, not from %v", side.where, p.Src, side.from)
			}
		}
		if len(answers) != 1 {
			return fmt.Sprintf("at %s there are %d answers, not 1", side.where, len(answers))
		}
	}
	return ""
}

func allRows(runs []*run) []row {
	rows := []row{} // a list in JSON, also when it is empty
	for _, r := range runs {
		rows = append(rows, r.rows()...)
	}
	return rows
}

// printJSON prints what -json promises.
func printJSON(w io.Writer, ok bool, runs []*run) error {
	return json.NewEncoder(w).Encode(struct {
		OK   bool  `json:"ok"`
		Runs []row `json:"runs"`
	}{ok, allRows(runs)})
}

// A report is the output for people.
type report struct {
	w       io.Writer
	options options
	begun   bool
}

// server shows what the document shows of a server's first run: one request and its
// answer, as seen by tcpdump on the server's machine and on the client's.
func (p *report) server(r *run) {
	if !p.begun {
		p.network(r.lab)
		p.begun = true
	}
	q := r.requests[0]
	t := r.traces[q]
	fmt.Fprintf(p.w, "\n%s\n", page.Heading.Sprintf("The echo server with %s.ListenUDP", r.server.name))
	if t.backend >= 0 {
		fmt.Fprintf(p.w, "\n  %s\n", r.lab.Backends[t.backend].Name)
		p.packets(t.server)
	}
	fmt.Fprintf(p.w, "\n  client\n")
	p.packets(t.client)
	answered, became := "has no answer", string(q.Outcome)
	if i := slices.IndexFunc(t.client, q.IsAnswer); i >= 0 {
		answered = fmt.Sprintf("is answered by %v", t.client[i].Src.Addr())
	}
	if became = page.Bad.Sprint(became); q.Outcome == ask.Accepted {
		became = page.Good.Sprint(q.Outcome)
	}
	fmt.Fprintf(p.w, "\n  The client asks %v and %s: %v.\n", q.To.Addr(), answered, became)
}

// packets prints lines as of tcpdump, folded where they are too long.
func (p *report) packets(packets []lab.Packet) {
	for _, packet := range packets {
		line := packet.String()
		if len(line)+4 <= page.Width {
			fmt.Fprintf(p.w, "    %s\n", line)
			continue
		}
		addresses, rest, _ := strings.Cut(line, ": ")
		fmt.Fprintf(p.w, "    %s:\n", addresses)
		page.Paragraph(p.w, "        ", 8, rest)
	}
}

// network draws the lab, with the addresses of the families asked for.
func (p *report) network(l *lab.Lab) {
	var balancers, backends []string
	for _, b := range p.options.balancers {
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

`, page.Heading.Sprint("UDP behind a passthrough load balancer with direct server return"),
		strings.Join(balancers, ", "), strings.Join(backends, ", "))
	line := func(name, v4, v6 string) {
		for _, f := range p.options.families {
			fmt.Fprintf(p.w, "    %-10s %s\n", name, of(f, v4, v6))
			name = ""
		}
	}
	line("client", l.Client4.String(), l.Client6.String())
	line("VIPs", listed(l.VIPs4), listed(l.VIPs6))
	fmt.Fprintf(p.w, "    %-10s (local routes on every backend; no interface owns them)\n", "")
	for _, b := range l.Backends {
		line(b.Name, fmt.Sprintf("%v, on the internet %v", b.Internal4, b.External4), b.Internal6.String())
	}
}

// listed writes the first few addresses.
func listed(addrs []netip.Addr) string {
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

// table prints the counts.
func (p *report) table(runs []*run) {
	if len(runs) == 0 {
		return
	}
	fmt.Fprintf(p.w, "\n%s\n", page.Heading.Sprint("What became of the requests"))
	fmt.Fprint(p.w, "  Each is from a new client port, from which other VIPs are asked at the same time.\n\n")
	coloured := func(c text.Colors) text.Transformer { // where a count is not zero
		return func(v any) string {
			if v == 0 {
				return "0"
			}
			return c.Sprint(v)
		}
	}
	t := page.Table(p.w, "  ")
	t.SetColumnConfigs([]table.ColumnConfig{
		{Name: "accepted", Transformer: coloured(page.Good)},
		{Name: "rejected", Transformer: coloured(page.Bad)},
		{Name: "timed out", Transformer: coloured(page.Bad)},
	})
	t.AppendHeader(table.Row{"server", "balancer", "family", "VIP", "sent", "accepted", "rejected", "timed out"})
	before := runs[0].server.name
	for _, r := range allRows(runs) {
		if r.Server != before {
			t.AppendSeparator()
			before = r.Server
		}
		t.AppendRow(table.Row{r.Server, r.LB, r.Family, r.VIP, r.Sent, r.Accepted, r.Rejected, r.Timeouts})
	}
	t.Render()
}

// verdict says in plain words whether it was as expected.
func (p *report) verdict(servers []server, runs []*run, faults []string) {
	fmt.Fprintln(p.w)
	if len(faults) > 0 {
		fmt.Fprintln(p.w, page.Bad.Sprint("Not as expected:"))
		for _, f := range faults {
			page.Paragraph(p.w, "  ", 4, f)
		}
		return
	}
	fmt.Fprintln(p.w, page.Heading.Sprint("The fault is as in Google's document on UDP behind passthrough load balancers,\nand one changed line repairs it:"))
	for _, s := range servers {
		perBackend, requests := make(map[string]int), 0
		for _, r := range runs {
			for _, q := range r.requests {
				if r.server.name == s.name {
					requests++
					perBackend[r.lab.Backends[r.traces[q].backend].Name]++
				}
			}
		}
		var spread []string
		for _, backend := range slices.Sorted(maps.Keys(perBackend)) {
			spread = append(spread, fmt.Sprintf("%s %d", backend, perBackend[backend]))
		}
		from, became := "the address that was asked", page.Good.Sprint(s.want)
		if s.want == ask.Rejected {
			from, became = "the backend's own address", page.Bad.Sprint(s.want)
		}
		fmt.Fprintf(p.w, "  %-6s  %s (%s), all from %s, all %v\n",
			s.name, page.Plural(requests, "answer"), strings.Join(spread, ", "), from, became)
	}
}
