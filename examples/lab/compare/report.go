//go:build linux

package compare

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

//go:embed report.html
var reportText string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"commands": Repair.commandSets,
	"class":    func(c *Cell) string { return strings.ReplaceAll(string(c.Verdict), " ", "-") },
	"outcome":  func(o Outcome) string { return strings.ReplaceAll(string(o), " ", "-") },
	"name":     func(r *Result, id string) string { return r.repair(id).Name },
	"mark":     (*Cell).mark,
	"lines":    lines,
	"pcap":     pcap,
}).Parse(reportText))

// A reportPage is what the template is given.
type reportPage struct {
	*Result
	Faults []string
	Typos  []repair.Typo
	Charts []template.HTML
	Whence string
	Tables string // what to know of nft's
}

// WriteHTML writes the result as a page that has everything in it, captures too,
// and needs no network.
func (r *Result) WriteHTML(w io.Writer) error {
	page := reportPage{
		Result: r, Faults: r.Faults(), Whence: r.whence(), Typos: repair.Typos, Tables: sharedTables,
	}
	for _, c := range []struct {
		title, question, number string
		format                  func(float64) string
	}{
		{"Server's CPU per datagram, as a ratio to the naive program", "cpu", "ratio", func(v float64) string { return fmt.Sprintf("%.2f", v) }},
		{"Connections the kernel tracks for 100 000 clients", "memory", "entries of 100000", func(v float64) string { return thousands(int(v)) }},
		{"Kernel memory for 100 000 clients, in MB" + r.memoryNoise(), "memory", "slab bytes of 100000", func(v float64) string { return rounded(v/1e6, 1) }},
		{"New or changed lines in the program", "change", "lines", func(v float64) string { return fmt.Sprintf("%.0f", v) }},
	} {
		bars := r.bars(c.question, c.number)
		if len(bars) == 0 {
			continue
		}
		svg, err := chart(c.title, bars, c.format)
		if err != nil {
			return fmt.Errorf("compare: chart %q: %w", c.title, err)
		}
		page.Charts = append(page.Charts, svg)
	}
	return reportTemplate.Execute(w, page)
}

// memoryNoise says by how much the numbers of a chart of memory are uncertain.
func (r *Result) memoryNoise() string {
	most := 0.0
	for _, c := range r.Cells {
		most = max(most, c.Numbers["noise bytes of 100000"])
	}
	if most == 0 {
		return ""
	}
	return fmt.Sprintf(" (noise ±%.1f at most)", most/1e6)
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
