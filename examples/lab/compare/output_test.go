//go:build linux

package compare

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/dsrudp/go-dsrudp/examples/lab/page"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// committed returns the result that the directory results has.
func committed(t *testing.T) *Result {
	t.Helper()
	b, err := os.ReadFile("results/result.json")
	require.NoError(t, err)
	r := new(Result)
	require.NoError(t, json.Unmarshal(b, r))
	return r
}

// The committed result is that of a whole and good run, and README.md has its tables and
// the commands.
func TestResults(t *testing.T) {
	r := committed(t)
	require.Empty(t, r.Faults())
	require.Empty(t, r.Part)
	require.Len(t, r.Cells, len(repairs())*len(questions()))
	for i, q := range questions() {
		require.Equal(t, q.Title, r.Questions[i].Title)
	}
	b, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, table := range []string{r.MarkdownTable(), r.MarkdownClaims()} {
		for i, row := range strings.Split(table, "\n") {
			if i > 1 { // below the head
				require.Contains(t, string(b), "\n"+row+"\n", "README.md has to have\n%s", table)
			}
		}
	}
	for _, r := range repairs() {
		for _, command := range r.Commands {
			require.Contains(t, string(b), "\n"+command+"\n")
		}
	}
}

// All printers have the table, the claims and what is not as it has to be.
func TestOutputs(t *testing.T) {
	r := committed(t)
	r.Repairs = repairs()
	var b strings.Builder
	r.WriteText(&b)
	for line := range strings.Lines(b.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), page.Width, line)
	}
	for _, s := range []string{
		"\n    con  takes extra CPU: confirmed\n           server's CPU per datagram: 1.3× the naive program's\n",
		"\n  DNAT by nft: rules made over netlink; the commands were not run\n",
		"\nAs expected:\n  Of 119 of 128 cells it was known before what had to come, and it came.\n  dsrudp meets 16 of 16 questions.\n",
	} {
		require.Contains(t, b.String(), s)
	}
	require.Regexp(t, `\n two VIPs, IPv4 +✗ +✓ +✓ +✗ +✓ +✓ +✓ +✓ *\n`, b.String())

	c := r.Cell(DSRUDP, "one-vip")
	c.Verdict, c.Says, c.Differs = NotMet, "as <expected> | of it", "expected met (a promise of the library)"
	c.Wires = []Wire{{"client eth0", make([]lab.Packet, mostLines+10)}}
	r.Cell(Bind, "full").Verdict = TooLarge
	r.Cell(Mangle, "two-vips").Verdict = Met
	b.Reset()
	r.WriteText(&b)
	require.Regexp(t, `\n one VIP, IPv4 .* ✗ ! *\n`, b.String())
	require.Regexp(t, `\n connection table .* too large .*\n`, b.String())
	require.Contains(t, b.String(), "\n    con  does not serve several load balancers: refuted\n")
	require.Contains(t, b.String(), "\nNot as expected:\n  one VIP, IPv4, dsrudp: not met, expected met (a promise of the library): as <expected> | of it\n")

	require.Contains(t, r.MarkdownTable(), "| one VIP, IPv4 | **not met** | met | met | met | met | met | met | **not met** (!) |\n")
	require.Contains(t, r.MarkdownClaims(), "\n| stateless mangling by nft | con: does not serve several load balancers | **refuted** | two VIPs, IPv4: met; ")

	b.Reset()
	require.NoError(t, r.WriteJSON(&b))
	var got struct {
		OK     bool
		Faults []string
		Result
		Claims []Claim
		Typos  []struct{ Printed, Wrong, Mended string }
	}
	d := json.NewDecoder(strings.NewReader(b.String()))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&got))
	require.False(t, got.OK)
	require.Equal(t, r.Faults(), got.Faults)
	require.Equal(t, r.Claims(), got.Claims)
	c.Wires = nil // which are not in it
	require.Equal(t, r.Cells, got.Cells)
	require.Len(t, got.Typos, 3)
	require.Regexp(t, `(?s)^\{\n  "ok": false,\n  "faults": \[\n.*"note": "rules made`, b.String())
}

// The page needs nothing but itself, all links in it lead somewhere, and no bar of its
// charts covers a word.
func TestReport(t *testing.T) {
	r := committed(t)
	r.Repairs = repairs()
	r.Cells[0].Wires = []Wire{{"client eth0", make([]lab.Packet, mostLines+10)}}
	r.Cells[0].Says = "as <expected>"
	var b strings.Builder
	require.NoError(t, r.WriteHTML(&b))
	doc, err := html.Parse(strings.NewReader(b.String()))
	require.NoError(t, err)
	ids, count := make(map[string]bool), make(map[string]int)
	var links []string
	for n := range doc.Descendants() {
		count[n.Data]++
		for _, a := range n.Attr {
			switch a.Key {
			case "id":
				ids[a.Val] = true
			case "href":
				links = append(links, a.Val)
			case "src", "srcset", "action", "data":
				require.Fail(t, "the page loads something", "%s=%s", a.Key, a.Val)
			}
		}
		if n.Data == "svg" {
			requireChart(t, n, len(r.Repairs))
		}
	}
	require.Zero(t, count["script"]+count["link"]+count["img"])
	require.Equal(t, 4, count["svg"])
	require.Equal(t, len(r.Repairs)+2+2+4, count["rect"], "none where a number is 0, as of connections, memory and lines")
	pcaps := 0
	for _, l := range links {
		if name, ok := strings.CutPrefix(l, "#"); ok {
			require.True(t, ids[name], l)
			continue
		}
		require.True(t, strings.HasPrefix(l, "data:application/vnd.tcpdump.pcap;base64,"), l)
		pcaps++
	}
	require.Equal(t, 1, pcaps)
	for _, s := range []string{
		"nft add rule ip6 nat prerouting ip6 daddr 2001:db8:198:51::2 udp dport 60002 dnat to 2001:db8:10:128::2",
		"as &lt;expected&gt;", "... and 10 more", "it is left out.", html.EscapeString(sharedTables), `class="confirmed"`,
	} {
		require.Contains(t, b.String(), s)
	}
	require.NotContains(t, b.String(), "ZgotmplZ", "what the template takes for unsafe")
}

// requireChart requires that an SVG has a line of text for each repair, and that none of
// its bars is as high on the page as any text, nor longer than the axis.
func requireChart(t *testing.T, svg *html.Node, repairs int) {
	t.Helper()
	type span struct{ top, bottom float64 }
	var words, bars []span
	for n := range svg.Descendants() {
		at := make(map[string]float64)
		for _, a := range n.Attr {
			at[a.Key], _ = strconv.ParseFloat(strings.TrimSuffix(a.Val, "%"), 64)
		}
		switch n.Data {
		case "text": // of at most 13 pixels, a quarter of which is below its line
			line := at["y"] + at["dy"]
			words = append(words, span{line - 10, line + 3})
		case "rect":
			bars = append(bars, span{at["y"], at["y"] + at["height"]})
			require.Positive(t, at["width"])
			require.LessOrEqual(t, at["width"], 100.0)
		}
	}
	require.Greater(t, len(words), repairs+1, "and ticks")
	require.NotEmpty(t, bars)
	for _, w := range words {
		for _, b := range bars {
			require.True(t, w.bottom < b.top || b.bottom < w.top, "text %v, bar %v", w, b)
		}
	}
}

// An axis has few and round ticks, and ends at the longest bar or after it.
func TestTicks(t *testing.T) {
	for most, want := range map[float64]string{
		0: "0 1", 1: "0.0 0.5 1.0", 1.27: "0.0 0.5 1.0 1.5", 1.47: "0.0 0.5 1.0 1.5", 0.3: "0.0 0.1 0.2 0.3", 0.034: "0.00 0.01 0.02 0.03 0.04",
		16: "0 5 10 15 20", 30.7: "0 10 20 30 40", 256: "0 100 200 300", 100_000: "0 50 000 100 000", 999_999: "0 500 000 1 000 000",
	} {
		c := newChart("", []string{""}, []float64{most}, 3)
		var got []string
		for _, tick := range c.Ticks {
			got = append(got, tick.Label)
		}
		require.Equal(t, want, strings.Join(got, " "), most)
		require.LessOrEqual(t, c.Rows[0].Percent, 100.001)
		require.Equal(t, "end", c.Ticks[len(c.Ticks)-1].Anchor)
	}
	require.Zero(t, newChart("", []string{"", ""}, []float64{0.49, 3}, 0).Rows[0].Percent, "what is shown as 0 has no bar")
}

// Each colour of the page has a value for light and one for dark browsers, and the first
// column of what is wider than the page stays.
func TestReportStyle(t *testing.T) {
	style := reportText[strings.Index(reportText, "<style>"):strings.Index(reportText, "</style>")]
	schemes := regexp.MustCompile(`:root \{[^}]*\}`).FindAllString(style, -1)
	require.Len(t, schemes, 2)
	require.Contains(t, style, "@media (prefers-color-scheme: dark) {\n  "+schemes[1])
	names := func(s string) map[string]bool {
		names := make(map[string]bool)
		for _, m := range regexp.MustCompile(`(--[a-z-]+)[:)]`).FindAllStringSubmatch(s, -1) {
			names[m[1]] = true
		}
		return names
	}
	used := strings.NewReplacer(schemes[0], "", schemes[1], "").Replace(style)
	require.Equal(t, names(schemes[0]), names(schemes[1]))
	require.Equal(t, names(schemes[0]), names(used))
	require.NotRegexp(t, `#[0-9a-f]{3,6}\b|rgb`, used)
	require.Regexp(t, `th:first-child \{ position: sticky; left: 0;`, used)
	require.Equal(t, strings.Count(reportText, "<table"), strings.Count(reportText, `<div class="wide"><table`))
}

// A claim follows what was measured, whichever of its cells it is.
func TestClaims(t *testing.T) {
	outcomes := func(r *Result) map[Outcome]int {
		n := make(map[Outcome]int)
		for _, c := range r.Claims() {
			n[c.Outcome]++
			require.NotEmpty(t, c.Evidence)
		}
		return n
	}
	require.Equal(t, map[Outcome]int{Confirmed: 16, NotMeasured: 2}, outcomes(committed(t)))
	is := func(v Verdict) func(*Cell) { return func(c *Cell) { c.Verdict = v } }
	number := func(name string, n float64) func(*Cell) { return func(c *Cell) { c.Numbers[name] = n } }
	for _, test := range []struct {
		repair, question string
		change           func(*Cell)
		refuted, open    int
	}{
		{DNATIPTables, "change", number("lines", 1), 1, 0},
		{DNATNFT, "internal-external", is(NotMet), 1, 0},
		{DNATNFT, "internal-external", is(Failed), 0, 1},
		{DNATNFT, "memory", is(Met), 1, 0},
		{DNATNFT, "cpu", number("ratio", 1.02), 1, 0},
		{Mangle, "memory", is(TooLarge), 0, 1},
		{Mangle, "cpu", number("ratio", 1.3), 1, 0},
		{Mangle, "two-vips", is(Met), 1, 0},
		{Bind, "change", number("lines for one VIP", 2), 1, 0},
		{Bind, "two-vips", number("accepted bound to one", 24), 1, 0},
		{Pktinfo, "change", is(Met), 1, 0},
	} {
		r := committed(t)
		test.change(r.Cell(test.repair, test.question))
		want := map[Outcome]int{Confirmed: 16 - test.refuted - test.open, NotMeasured: 2 + test.open}
		if test.refuted > 0 {
			want[Refuted] = test.refuted
		}
		require.Equal(t, want, outcomes(r), "%s, %s", test.repair, test.question)
	}
	r := committed(t)
	r.Cells = nil
	require.Equal(t, map[Outcome]int{NotMeasured: 18}, outcomes(r), "a part of a comparison")
}
