//go:build linux

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/dsrudp/go-dsrudp/examples/lab/style"
)

// A page is the output for people.
type page struct {
	w     io.Writer
	shown []string // servers whose views are on it
}

// run adds what is to be shown of a run before the table: the network if it is
// the first, and the two views if it is the first of its server.
func (p *page) run(r *run, o options) {
	if slices.Contains(p.shown, r.server.name) {
		return
	}
	if len(p.shown) == 0 {
		p.network(r.lab, o)
	}
	p.shown = append(p.shown, r.server.name)
	p.views(r, r.example())
}

// table prints the counts.
func (p *page) table(rows []row) {
	fmt.Fprintf(p.w, "\n%s\n", style.Heading.Sprint("What became of the requests"))
	fmt.Fprint(p.w, "  Each is from a new client port, from which other VIPs are asked at the same time.\n\n")
	t := table.NewWriter()
	t.SetOutputMirror(p.w)
	t.SetStyle(table.StyleDefault)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Options = table.Options{SeparateHeader: true}
	t.Style().Box.PaddingLeft, t.Style().Box.PaddingRight = "  ", ""
	t.SetColumnConfigs([]table.ColumnConfig{
		{Name: "accepted", Transformer: coloured(style.Good)},
		{Name: "rejected", Transformer: coloured(style.Bad)},
		{Name: "timed out", Transformer: coloured(style.Bad)},
	})
	t.AppendHeader(table.Row{"server", "balancer", "family", "VIP", "sent", "accepted", "rejected", "timed out"})
	for i, r := range rows {
		if i > 0 && rows[i-1].Server != r.Server {
			t.AppendSeparator()
		}
		t.AppendRow(table.Row{r.Server, r.LB, r.Family, r.VIP, r.Sent, r.Accepted, r.Rejected, r.Timeouts})
	}
	t.Render()
}

// coloured makes counts stand out that are not zero.
func coloured(c text.Colors) text.Transformer {
	return func(v any) string {
		if v == 0 {
			return "0"
		}
		return c.Sprint(v)
	}
}

// verdict says in plain words whether it was as expected.
func (p *page) verdict(runs []*run, faults []string) {
	fmt.Fprintln(p.w)
	if len(faults) > 0 {
		fmt.Fprintln(p.w, style.Bad.Sprint("Not as expected:"))
		for _, f := range faults {
			fmt.Fprintf(p.w, "  %s\n", strings.ReplaceAll(text.WrapSoft(f, style.Width-4), "\n", "\n    "))
		}
		return
	}
	fmt.Fprintln(p.w, style.Heading.Sprint("The fault is as the document has it, and one changed line repairs it:"))
	for _, name := range p.shown {
		fmt.Fprintln(p.w, summary(name, runs))
	}
}

// summary says of one server, all of whose runs were as expected, what that was.
func summary(name string, runs []*run) string {
	var want outcome
	requests := 0
	perBackend := make(map[string]int)
	for _, r := range runs {
		if r.server.name != name {
			continue
		}
		want = r.server.want
		for _, q := range r.requests {
			requests++
			perBackend[r.lab.Backends[q.trace.backend].Name]++
		}
	}
	var spread []string
	for _, backend := range slices.Sorted(maps.Keys(perBackend)) {
		spread = append(spread, fmt.Sprintf("%s %d", backend, perBackend[backend]))
	}
	from := "the address that was asked"
	if want == rejected {
		from = "the backend's own address"
	}
	answers := "answers"
	if requests == 1 {
		answers = "answer"
	}
	return fmt.Sprintf("  %-6s  %d %s (%s), all from %s, all %v",
		name, requests, answers, strings.Join(spread, ", "), from, colour(want == accepted).Sprint(want))
}
