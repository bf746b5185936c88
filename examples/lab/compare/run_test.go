//go:build linux

package compare

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

var everyRepair = []string{None, DNATIPTables, DNATNFT, Mangle, Bind, BindDSRUDP, Pktinfo, DSRUDP}

// What the document says of its repairs and two VIPs is found, for all of them.
func TestTwoVIPs(t *testing.T) {
	r := compared(t, everyRepair, []string{"one-vip", "two-vips", "change"})
	require.Empty(t, r.Faults())
	require.Equal(t, "12 of 12 accepted (ecmp and maglev)", r.Cell(DSRUDP, "two-vips").Says)
	require.Equal(t, NotMet, r.Cell(Mangle, "two-vips").Verdict)
	require.Equal(t, "6 of 12 accepted; 6 rejected, as they came from 198.51.100.2 (ecmp and maglev)", r.Cell(Mangle, "two-vips").Says)
	require.Equal(t, Met, r.Cell(Mangle, "one-vip").Verdict)
	require.Contains(t, r.Cell(None, "one-vip").Says, "0 of 6 accepted; 6 rejected, as they came from 198.51.100.3")
	require.EqualValues(t, 1, r.Cell(DSRUDP, "change").Numbers["lines"])
	require.EqualValues(t, 0, r.Cell(DNATNFT, "change").Numbers["lines"])
	require.Greater(t, r.Cell(Pktinfo, "change").Numbers["lines"], 20.0)
	for _, c := range r.Cells[:2*len(everyRepair)] {
		require.NotEmpty(t, c.Wires, c.Repair)
		require.NotEmpty(t, c.Wires[0].Packets, c.Repair)
	}
}

// The other questions find dsrudp right, and where they tell repairs apart, one
// that is not.
func TestDSRUDPMeetsAll(t *testing.T) {
	r := compared(t, []string{DSRUDP, DNATNFT}, []string{
		"internal-external", "direct", "one-port", "sees", "ipv6", "asymmetric", "broadcast", "fragments", "same-host",
	})
	require.Empty(t, r.Faults())
	require.Regexp(t, `^it knew the VIP of 0 of 12 requests \(it knew the wildcard address alone\) and the client's port of 6 \(it saw 406\d\d as \d+\)$`,
		r.Cell(DNATNFT, "sees").Says)
	require.Equal(t, "it knew the VIP of 12 of 12 requests and the client's port of 12", r.Cell(DSRUDP, "sees").Says)
}

// What answers do not tell is told by the wire and by silence.
func TestWhatFails(t *testing.T) {
	labtest.Need(t)
	r, err := Run(t.Context(), Options{
		Repairs: []string{None, Mangle, Bind, Pktinfo}, Bound: lossBound,
		Questions: []string{"internal-external", "direct", "ipv6", "asymmetric", "same-host"},
	})
	require.NoError(t, err)
	require.Empty(t, r.Faults())
	for _, c := range []struct{ repair, question, says string }{
		{None, "same-host", "1 of 3 accepted; 2 rejected, as they came from 10.128.0.2 and 127.0.0.1"},
		{Mangle, "internal-external", "6 of 12 accepted; 6 came from 198.51.100.2 and did not reach the socket that asked"},
		{Mangle, "direct", "0 of 6 accepted; 6 rejected, as they came from 198.51.100.2"},
		{Bind, "direct", "0 of 6 accepted; 6 refused (ECONNREFUSED)"},
		{Bind, "ipv6", "the program cannot bind (cannot assign requested address) (ecmp and maglev)"},
		{Pktinfo, "ipv6", "0 of 6 accepted; 6 lost without a word (the program: invalid argument) (ecmp and maglev)"},
		{Pktinfo, "asymmetric", "0 of 6 accepted; 6 lost without a word"},
	} {
		require.Equal(t, c.says, r.Cell(c.repair, c.question).Says)
	}
}

// A program that does not do what is expected of it is a surprise, and the
// comparison is not good.
func TestSabotage(t *testing.T) {
	labtest.Need(t)
	for name, program := range map[string]program{"naive": naiveProgram, "bound": boundProgram} {
		rs := repairs()
		rs[len(rs)-1].program = program
		r, err := run(t.Context(), Options{
			Repairs: []string{Bind, DSRUDP}, Questions: []string{"direct", "one-vip"}, Bound: patience,
		}, rs, questions())
		require.NoError(t, err)
		faults := r.Faults()
		require.Len(t, faults, 1, name)
		require.Contains(t, faults[0], ", dsrudp: not met, expected met (a promise of the library): ")
	}
	// A repair that works where it should not is one, too.
	rs := repairs()
	rs[4].program = dropinProgram
	r, err := run(t.Context(), Options{Repairs: []string{Bind}, Questions: []string{"direct"}, Bound: patience}, rs, questions())
	require.NoError(t, err)
	require.Len(t, r.Faults(), 1)
	require.Contains(t, r.Faults()[0], "bind to the VIP (net): met, expected not met (K10.3")
}

// A measurement that dsrudp does not meet is a fault although no fact of the
// kernel's forbids it; one that cannot be had is one of dsrudp's alone.
func TestFaults(t *testing.T) {
	r := sample()
	require.Empty(t, r.Faults())
	r.Cell(Bind, "cpu").Verdict = NotMet
	r.Cell(Bind, "full").Verdict = NeedsRoot
	require.Empty(t, r.Faults())
	r.Cell(DSRUDP, "cpu").Verdict = NotMet
	r.Cell(DSRUDP, "full").Verdict = NeedsRoot
	require.Len(t, r.Faults(), 2)
	p, q := r.repair(DNATNFT), r.question("full")
	require.False(t, judge(p, q, finding{verdict: NeedsRoot}).Surprise)
	require.False(t, judge(p, q, finding{verdict: NotMet}).Surprise)
	require.True(t, judge(p, q, finding{verdict: Met}).Surprise)
	require.True(t, judge(p, q, finding{verdict: NotApplicable}).Surprise)
}

func TestProgress(t *testing.T) {
	labtest.Need(t)
	last := 0
	_, err := Run(t.Context(), Options{
		Repairs: []string{None, DNATNFT, DSRUDP}, Questions: []string{"change"},
		Progress: func(done, all int, what string) {
			last++
			require.Equal(t, last, done)
			require.Equal(t, 3, all)
			require.Contains(t, what, "lines changed in the application: ")
		},
	})
	require.NoError(t, err)
	require.Equal(t, 3, last)
}

// A run that breaks off has no result.
func TestErrors(t *testing.T) {
	_, err := Run(t.Context(), Options{Repairs: []string{"hope"}})
	require.ErrorContains(t, err, `repair "hope": it is one of none, dnat-iptables`)
	_, err = Run(t.Context(), Options{Questions: []string{"why"}})
	require.ErrorContains(t, err, `question "why": it is one of one-vip`)

	broken := errors.New("no paper left")
	for _, q := range []Question{
		{Title: "a question", ask: func(context.Context, *trial) (finding, error) { return finding{}, broken }},
		{Title: "a question", askAll: func(context.Context, []*trial, func(int, finding)) error { return broken }},
	} {
		_, err := run(t.Context(), Options{}, repairs(), []Question{q})
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, "a question")
	}
}
