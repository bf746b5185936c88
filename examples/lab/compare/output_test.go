//go:build linux

package compare

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/dsrudp/go-dsrudp/examples/lab/style"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

func TestText(t *testing.T) {
	r := sample()
	var b strings.Builder
	r.WriteText(&b)
	out := b.String()
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		if !regexp.MustCompile(`^ +(ip6?tables|nft) `).MatchString(line) { // is in one line, to be copied
			require.LessOrEqual(t, utf8.RuneCountInString(line), style.Width, line)
		}
	}
	require.Contains(t, out, "\n      iptables -t nat -A PREROUTING -p udp -d 198.51.100.2 --dport 60002 -j DNAT --to-destination 10.128.0.2\n")
	require.Contains(t, out, "\n      nft add chain ip raw postrouting '{ type filter hook postrouting priority 300; }'\n")
	require.Contains(t, out, "\n    two VIPs (the second rule never matches):\n")
	require.Contains(t, out, "--dport 60002\n    is not needed")
	require.Contains(t, out, "The tables nat and raw are also those of an iptables")
	require.Contains(t, out, "\n  instead: nothing; it is left out\n")
	require.Contains(t, out, "\n      ip6tables -t nat -A PREROUTING -p udp -d 2001:db8:198:51::2 --dport 60002 -j DNAT --to-destination 2001:db8:10:128::2\n")
	require.Contains(t, out, "\n      iptables -t nat -A PREROUTING -p udp -d 198.51.100.101 --dport 60002 -j DNAT --to-destination 10.128.0.2\n")
	require.Contains(t, out, "priority 300)\n", "the document's error")
	require.Regexp(t, `\n two VIPs, IPv4 +✗ +✓ +✓ +✗ +✓ +✓ +✓ +✓ *\n`, out)
	require.Contains(t, out, "\ndsrudp\n  met      one VIP, IPv4: as <expected> | of it\n")
	require.Contains(t, out, "\nAs expected:\n  120 of 128 cells are from this run, 8 are read in the programs; of 119 it was known before what\n  had to come, and it came.\n")
	require.Contains(t, out, "\n  dsrudp meets 16 of 16 questions.\n")

	c := r.Cell(DSRUDP, "one-vip")
	c.Verdict, c.Surprise, c.Differs = NotMet, true, "expected met (a promise of the library)"
	r.Cell(DSRUDP, "direct").Verdict = Failed
	r.Cell(Bind, "full").Verdict = TooLarge
	b.Reset()
	r.WriteText(&b)
	require.Regexp(t, `\n one VIP, IPv4 .* ✗ ! *\n`, b.String())
	require.Regexp(t, `\n connection table .* too large .*\n`, b.String())
	require.Contains(t, b.String(), "\n  open     connection table full, port exempt from tracking: too large to fill here: as")
	require.Contains(t, b.String(), "\nNot as expected:\n  one VIP, IPv4, dsrudp: not met, expected met (a promise of the library)")
	require.Contains(t, b.String(), "\n  a VIP, and the machine's own external address, dsrudp: could not be found out: as")
	require.NotContains(t, b.String(), "As expected")
}

func TestMarkdown(t *testing.T) {
	r := sample()
	r.Cell(Bind, "full").Verdict = TooLarge
	var b strings.Builder
	require.NoError(t, r.WriteMarkdown(&b))
	commands, found := strings.CutPrefix(b.String(), r.MarkdownTable()+"\n"+r.MarkdownClaims()+"\n")
	require.True(t, found)
	table := strings.TrimSuffix(r.MarkdownTable(), "\n")
	require.Contains(t, commands, "\nDNAT by nft, two VIPs:\n\n```sh\nnft add table ip nat\n")
	lines := strings.Split(table, "\n")
	require.Len(t, lines, 2+len(r.Questions))
	for _, l := range lines {
		require.Equal(t, 2+len(r.Repairs), strings.Count(l, "|"), l)
	}
	require.Equal(t, "| two VIPs, IPv4 | **not met** | met | met | **not met** | met | met | met | met |", lines[3])
	require.Contains(t, b.String(), " met, 1.25× |")
	require.Contains(t, b.String(), " too large to fill here |")
	require.Contains(t, commands, "\n"+sharedTables+"\n")
}

func TestJSON(t *testing.T) {
	decode := func(r *Result) (got struct {
		OK      bool
		Machine Machine
		Faults  []string
		Repairs []struct {
			ID, Name, Note string
			Commands       []string

			CommandsTwoVIPs, CommandsIPv6 []string
		}
		Questions []struct{ ID, Title, Asks string }
		Cells     []Cell
		Claims    []Claim
		Typos     []struct{ Printed, Wrong, Mended string }
	},
	) {
		var b strings.Builder
		require.NoError(t, r.WriteJSON(&b))
		d := json.NewDecoder(strings.NewReader(b.String()))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&got))
		require.False(t, d.More())
		return got
	}
	r := sample()
	got := decode(r)
	require.True(t, got.OK)
	require.NotNil(t, got.Faults)
	require.Len(t, got.Repairs, 8)
	require.Len(t, got.Repairs[2].Commands, 3)
	require.Len(t, got.Repairs[2].CommandsTwoVIPs, 4)
	require.Len(t, got.Questions, 16)
	require.Equal(t, r.Cells, got.Cells)
	require.Equal(t, r.Claims(), got.Claims)
	require.Len(t, got.Typos, 3)
	var b strings.Builder
	require.NoError(t, r.WriteJSON(&b))
	require.Regexp(t, `(?s)"typos": \[\s+\{\s+"printed": .*"wrong": .*"mended": `, b.String())

	r.Cell(DSRUDP, "one-vip").Verdict = NotMet
	got = decode(r)
	require.False(t, got.OK)
	require.Len(t, got.Faults, 1)
}

// The page needs nothing but itself, and all links in it lead somewhere.
func TestReport(t *testing.T) {
	r := compared(t, []string{None, DSRUDP}, []string{"one-vip", "change"})
	var b strings.Builder
	require.NoError(t, r.WriteHTML(&b))
	page := b.String()
	doc, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	ids := make(map[string]bool)
	var links []string
	count := make(map[string]int)
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
	}
	require.Zero(t, count["script"]+count["link"]+count["img"])
	require.NotContains(t, page, "url(")
	require.NotContains(t, page, "ZgotmplZ", "what the template takes for unsafe")
	require.Equal(t, 1, count["svg"], "of the charts the one there are numbers for")
	pcaps := 0
	for _, l := range links {
		if name, ok := strings.CutPrefix(l, "#"); ok {
			require.True(t, ids[name], l)
			continue
		}
		require.True(t, strings.HasPrefix(l, "data:application/vnd.tcpdump.pcap;base64,"), l)
		pcaps++
	}
	require.Equal(t, 2*2*3, pcaps, "of a client and two backends, for each repair and balancer")
	require.Contains(t, page, "IP 203.0.113.2.40695 &gt; 198.51.100.2.60002: UDP, length")

	whole := sample()
	whole.Cells[0].Wires = []Wire{{"client eth0", make([]lab.Packet, 40)}}
	b.Reset()
	require.NoError(t, whole.WriteHTML(&b))
	page = b.String()
	require.Contains(t, page, "nft add rule ip6 nat prerouting ip6 daddr 2001:db8:198:51::2 udp dport 60002 dnat to 2001:db8:10:128::2")
	require.Contains(t, page, html.EscapeString(sharedTables))
	require.Contains(t, page, "it is left out.", "the document's rule that has nothing in its place")
	require.Contains(t, page, "120 of 128 cells are from this run, 8 are read in the programs;")
	require.Equal(t, 4, strings.Count(page, "<svg "))
	require.Contains(t, page, "as &lt;expected&gt; | of it")
	require.Contains(t, page, "... and 10 more")
}

// What is below zero is shown by its number.
func TestChartBelowZero(t *testing.T) {
	svg, err := chart("title", []bar{{"above", 2}, {"below", -3}, {"just below", -0.01}}, func(v float64) string { return rounded(v, 1) })
	require.NoError(t, err)
	for _, text := range []string{">above<", ">below: -3.0<", ">just below<"} {
		require.Contains(t, string(svg), text)
	}
}
