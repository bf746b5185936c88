//go:build linux

package compare

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// measured is a sample with the numbers of a run that agrees with the document.
func measured() *Result {
	r := sample()
	for id, ratio := range map[string]float64{None: 1, DNATIPTables: 1.3, DNATNFT: 1.3, Mangle: 1.1} {
		r.Cell(id, "cpu").Numbers["ratio"] = ratio
	}
	for _, id := range []string{DNATIPTables, DNATNFT, Mangle} {
		r.Cell(id, "change").Numbers["lines"] = 0
	}
	r.Cell(Bind, "change").Numbers["lines for one VIP"] = 1
	r.Cell(Bind, "two-vips").Numbers = map[string]float64{"requests bound to one": 24, "accepted bound to one": 12}
	r.Cell(Pktinfo, "change").Verdict = NotMet
	return r
}

// claim returns what became of the document's claim about a repair.
func claim(t *testing.T, r *Result, repair, says string) Claim {
	t.Helper()
	var found []Claim
	for _, c := range r.Claims() {
		if c.Repair == repair && strings.Contains(c.Says, says) {
			found = append(found, c)
		}
	}
	require.Len(t, found, 1, "%s: %s", repair, says)
	return found[0]
}

// The document's table has fourteen rows, four of which are about either DNAT.
func TestClaims(t *testing.T) {
	count := make(map[Outcome]int)
	sides := make(map[Side]int)
	claims := measured().Claims()
	for _, c := range claims {
		count[c.Outcome]++
		sides[c.Side]++
		require.NotEmpty(t, c.Evidence)
		require.Equal(t, c.Outcome == NotMeasured, len(c.Questions) == 0, c.Says)
	}
	require.Len(t, document, 14)
	require.Equal(t, map[Outcome]int{Confirmed: 16, NotMeasured: 2}, count)
	require.Equal(t, map[Side]int{Pro: 8, Con: 10}, sides)
}

// A claim follows what was measured, whichever of its cells it is.
func TestClaimsFollowTheCells(t *testing.T) {
	for _, c := range []struct {
		repair, says, question string
		change                 func(*Cell)
		outcome                Outcome
	}{
		{DNATIPTables, "stays as it is", "change", func(c *Cell) { c.Numbers["lines"] = 1 }, Refuted},
		{DNATIPTables, "several", "two-vips", isNow(NotMet), Refuted},
		{DNATNFT, "several", "internal-external", isNow(NotMet), Refuted},
		{DNATNFT, "several", "internal-external", isNow(Failed), NotMeasured},
		{DNATNFT, "CPU", "cpu", func(c *Cell) { c.Numbers["ratio"] = 1 + cpuMargin/2 }, Refuted},
		{DNATNFT, "memory", "memory", isNow(Met), Refuted},
		{DNATNFT, "memory", "memory", isNow(TooLarge), NotMeasured},
		{Mangle, "stays as it is", "change", func(c *Cell) { delete(c.Numbers, "lines") }, NotMeasured},
		{Mangle, "much less than DNAT", "memory", isNow(NotMet), Refuted},
		{Mangle, "much less than DNAT", "cpu", func(c *Cell) { c.Numbers["ratio"] = 1.3 }, Refuted},
		{Mangle, "much less than DNAT", "cpu", func(c *Cell) { c.Numbers["ratio"] = 1.2 }, Refuted},
		{Mangle, "several", "two-vips", isNow(Met), Refuted},
		{Mangle, "CPU", "cpu", func(c *Cell) { c.Numbers["ratio"] = 1 }, Refuted},
		{Bind, "simple", "change", func(c *Cell) { c.Numbers["lines for one VIP"] = 2 }, Refuted},
		{Bind, "several", "two-vips", func(c *Cell) { c.Numbers["accepted bound to one"] = 24 }, Refuted},
		{Bind, "several", "two-vips", func(c *Cell) { c.Numbers = nil }, NotMeasured},
		{Pktinfo, "several", "internal-external", isNow(NotMet), Refuted},
		{Pktinfo, "complex", "change", isNow(Met), Refuted},
	} {
		r := measured()
		require.Equal(t, Confirmed, claim(t, r, c.repair, c.says).Outcome)
		c.change(r.Cell(c.repair, c.question))
		got := claim(t, r, c.repair, c.says)
		require.Equal(t, c.outcome, got.Outcome, "%s: %s: %s", c.repair, c.says, got.Evidence)
	}
}

func isNow(v Verdict) func(*Cell) { return func(c *Cell) { c.Verdict = v } }

// Processor time says nothing where the naive program is not like itself, or was
// not measured; nor against a DNAT that was not.
func TestClaimsOfCPU(t *testing.T) {
	r := measured()
	r.Cell(None, "cpu").Numbers["ratio"] = 1 - 2*cpuMargin
	require.Equal(t, NotMeasured, claim(t, r, DNATNFT, "CPU").Outcome)
	require.Contains(t, claim(t, r, DNATNFT, "CPU").Evidence, "measured against itself")
	r = measured()
	r.Cell(None, "cpu").Numbers = nil
	require.Equal(t, NotMeasured, claim(t, r, Mangle, "CPU").Outcome)
	r = measured()
	r.Cell(DNATIPTables, "cpu").Numbers = nil
	require.Equal(t, NotMeasured, claim(t, r, Mangle, "much less").Outcome)
	require.Equal(t, Confirmed, claim(t, r, Mangle, "CPU").Outcome)
}

// A part of a comparison tells what it did not ask.
func TestClaimsOfAPart(t *testing.T) {
	r := measured()
	r.Repairs = r.Repairs[3:4]
	r.Cells = []Cell{*r.Cell(Mangle, "two-vips")}
	for _, c := range r.Claims() {
		require.Equal(t, Mangle, c.Repair)
		require.Equal(t, NotMeasured, c.Outcome, c.Says)
	}
	require.Contains(t, claim(t, r, Mangle, "several").Evidence, "not asked in this run")
}

// All outputs have the claims, and what says so.
func TestClaimsAreShown(t *testing.T) {
	r := measured()
	r.Cell(Mangle, "two-vips").Verdict = Met
	var text, md, page strings.Builder
	r.WriteText(&text)
	require.Contains(t, text.String(), "\n    con  takes extra CPU: confirmed\n           server's CPU per datagram: 1.25× the naive program's\n")
	require.Contains(t, text.String(), "\n    con  does not serve several load balancers: refuted\n")
	require.NoError(t, r.WriteMarkdown(&md))
	require.Contains(t, md.String(), "\n| stateless mangling by nft | con: does not serve several load balancers | **refuted** | two VIPs, IPv4: met; ")
	require.NoError(t, r.WriteHTML(&page))
	require.Contains(t, page.String(), `<td>con</td><td>does not serve several load balancers</td><td class="refuted">refuted</td>`)
	require.Contains(t, page.String(), `<td class="not-measured">not measured</td><td>a run has one kernel`)
}
