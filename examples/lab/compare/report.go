//go:build linux

package compare

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

// WriteJSON writes the result as one object: whether it is good and else what is
// wrong, how long it took, what was compared, the cells question by question, what
// they say to the document's claims, and what is wrong in its commands.
func (r *Result) WriteJSON(w io.Writer) error {
	faults := r.Faults()
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		OK     bool     `json:"ok"`
		Faults []string `json:"faults"`
		*Result
		Claims []Claim       `json:"claims"`
		Typos  []repair.Typo `json:"typos"`
	}{len(faults) == 0, faults, r, r.Claims(), repair.Typos})
}

// MarkdownTable returns the table of all cells.
func (r *Result) MarkdownTable() string {
	t := table.NewWriter()
	head := table.Row{""}
	for _, p := range r.Repairs {
		head = append(head, p.Name)
	}
	t.AppendHeader(head)
	for _, q := range r.Questions {
		row := table.Row{q.Title}
		for _, p := range r.Repairs {
			c := r.Cell(p.ID, q.ID)
			words := string(c.Verdict)
			if c.Verdict == NotMet || c.Verdict == Failed {
				words = "**" + words + "**"
			}
			if c.Short != "" {
				words += ", " + c.Short
			}
			if c.Differs != "" {
				words += " (!)"
			}
			row = append(row, words)
		}
		t.AppendRow(row)
	}
	return t.RenderMarkdown()
}

// MarkdownClaims returns the document's pros and cons as a table, with what was
// measured of them.
func (r *Result) MarkdownClaims() string {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"repair", "the document says", "measured", "by"})
	for _, c := range r.Claims() {
		outcome := string(c.Outcome)
		if c.Outcome == Refuted {
			outcome = "**refuted**"
		}
		t.AppendRow(table.Row{r.repair(c.Repair).Name, c.Side + ": " + c.Says, outcome, c.Evidence})
	}
	return t.RenderMarkdown()
}

//go:embed report.html
var reportText string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"class": func(words any) string { return strings.ReplaceAll(fmt.Sprint(words), " ", "-") },
	"name":  func(r *Result, id string) string { return r.repair(id).Name },
	"lines": lines,
	"pcap":  pcap,

	"barHeight": func() int { return barHeight },
}).Parse(reportText))

// WriteHTML writes the result as a page that has everything in it, captures too,
// and needs no network.
func (r *Result) WriteHTML(w io.Writer) error {
	return reportTemplate.Execute(w, struct {
		*Result
		Typos  []repair.Typo
		Charts []chart
		Tables string // what to know of nft's
	}{r, repair.Typos, r.charts(), sharedTables})
}

// mostLines bounds what is shown of a wire; its pcap file has all of it.
const mostLines = 30

// lines returns packets as tcpdump shows them.
func lines(packets []lab.Packet) string {
	var b strings.Builder
	for i, p := range packets {
		if i == mostLines {
			fmt.Fprintf(&b, "... and %d more\n", len(packets)-i)
			break
		}
		fmt.Fprintln(&b, p)
	}
	return b.String()
}

// pcap returns packets as the address of a file that is in the page.
func pcap(packets []lab.Packet) (template.URL, error) {
	var b bytes.Buffer
	if err := lab.WritePCAP(&b, packets); err != nil {
		return "", err
	}
	return template.URL("data:application/vnd.tcpdump.pcap;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
}
