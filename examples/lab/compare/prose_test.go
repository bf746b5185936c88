//go:build linux

package compare

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// A phrase has numbers of the committed result in it. It stands in one line of a
// file.
type phrase struct {
	pattern string // of the phrase with any number
	says    string
}

// numberOf returns one of a cell.
func numberOf(t *testing.T, r *Result, repair, question, name string) float64 {
	c := r.Cell(repair, question)
	require.NotNil(t, c, "%s, %s", repair, question)
	require.Contains(t, c.Numbers, name, "%s, %s", repair, question)
	return c.Numbers[name]
}

// bytesEach is the phrase that the package's documentation has, and the page.
func bytesEach(t *testing.T, r *Result) phrase {
	return phrase{
		`about \d+ bytes each`,
		fmt.Sprintf("about %.0f bytes each", numberOf(t, r, DNATNFT, "memory", "kernel bytes per client")),
	}
}

// readmePhrases returns those of the project's README, as they have to be for a
// result.
func readmePhrases(t *testing.T, r *Result) []phrase {
	c := r.Cell(DSRUDP, "cpu")
	require.NotNil(t, c)
	return []phrase{{
		`table says \S+ for .dsrudp.'s CPU`,
		fmt.Sprintf("table says %s for `dsrudp`'s CPU", c.Short),
	}}
}

// pagePhrases is readmePhrases for this directory's README.
func pagePhrases(t *testing.T, r *Result) []phrase {
	n := func(repair, question, name string) float64 { return numberOf(t, r, repair, question, name) }
	entries := func(clients int) string {
		is := n(DNATIPTables, "memory", fmt.Sprintf("entries of %d", clients))
		require.Equal(t, is, n(DNATNFT, "memory", fmt.Sprintf("entries of %d", clients)))
		return thousands(int(is))
	}
	table := thousands(int(n(DSRUDP, "full", "entries")))
	return []phrase{
		bytesEach(t, r),
		{
			`\d[\d ]*, [\d ]+ and [\d ]+ connections`,
			fmt.Sprintf("%s, %s and %s connections", entries(1), entries(1_000), entries(100_000)),
		},
		{
			`took \d+ bytes of the program's heap`,
			fmt.Sprintf("took %.0f bytes of the program's heap", n(DSRUDP, "memory", "heap bytes per client")),
		},
		{
			`with [\d ]+ in a table for [\d ]+,`,
			fmt.Sprintf("with %s in a table for %s,", table, table),
		},
		{
			`takes \w+ lines? for one VIP, and \w+ for a socket for each`,
			fmt.Sprintf("takes %s for one VIP, and %s for a socket for each",
				plural(int(n(Bind, "change", "lines for one VIP")), "line"), spelt(n(Bind, "change", "lines"))),
		},
		{
			`\w+ by iptables, \w+ by nft`,
			fmt.Sprintf("%s by iptables, %s by nft", spelt(n(DNATIPTables, "change", "commands for one VIP")), spelt(n(Mangle, "change", "commands for one VIP"))),
		},
	}
}

// spelt writes small numbers as words.
func spelt(n float64) string {
	words := []string{"none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	if n < float64(len(words)) {
		return words[int(n)]
	}
	return fmt.Sprint(n)
}

// put has a text say the phrase, which it must in some form.
func (p phrase) put(t *testing.T, text string) string {
	re := regexp.MustCompile(p.pattern)
	require.Len(t, re.FindAllString(text, -1), 1, p.pattern)
	return re.ReplaceAllLiteralString(text, p.says)
}

func TestPhrase(t *testing.T) {
	p := phrase{`about \d+ bytes`, "about 12 bytes"}
	require.Equal(t, "it takes about 12 bytes each", p.put(t, "it takes about 99 bytes each"))
	require.Equal(t, "nine", spelt(9))
	require.Equal(t, "10", spelt(10))
}
