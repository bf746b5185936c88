//go:build linux

package compare

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

func TestMain(m *testing.M) {
	text.DisableColors() // as where stdout is not a terminal
	labtest.Main(m)
}

// little is an effort that shows that measurements work, and no more. The kernel's
// memory in it is of the test's making, and does not grow.
var little = effort{rounds: 10, clients: []int{1, 10, 1000}, table: 1000, slabs: func() (int64, error) { return 1 << 20, nil }}

// patience bounds the wait for what is to come, and lossBound where something is to
// be lost, for which the wait is as long.
const (
	patience  = 10 * time.Second
	lossBound = 2 * time.Second
)

// compared runs a part of the comparison, of repairs that may be changed.
func compared(t *testing.T, bound time.Duration, wanted, questionIDs string, changed ...func(rs map[string]*Repair)) *Result {
	t.Helper()
	labtest.Need(t)
	rs := repairs()
	byID := make(map[string]*Repair)
	for i := range rs {
		byID[rs[i].ID] = &rs[i]
	}
	for _, change := range changed {
		change(byID)
	}
	o := Options{Repairs: strings.Fields(wanted), Questions: strings.Fields(questionIDs), Bound: bound, effort: &little}
	require.NoError(t, o.Check())
	r, err := run(t.Context(), o, rs, questions())
	require.NoError(t, err)
	require.Len(t, r.Cells, len(o.Repairs)*len(o.Questions))
	return r
}

// asked are the questions that are not measurements.
const asked = "one-vip two-vips internal-external direct one-port one-port-direct sees ipv6 asymmetric broadcast fragments same-host change"

// Every question finds dsrudp right, and where a repair has another way to be right,
// that one. Nothing is lost here, so that each answer has time to come.
func TestWhatWorks(t *testing.T) {
	r := compared(t, patience, "dnat-nft dsrudp", asked)
	require.Empty(t, r.Faults())
	for _, c := range r.Cells {
		require.NotEqual(t, c.Question == "change", c.Numbers["requests"] > 0, c.Question)
		require.Equal(t, c.Question == "change", len(c.Wires) == 0, c.Question)
	}
	for _, c := range []struct{ repair, question, says string }{
		{DSRUDP, "two-vips", `12 of 12 accepted \(ecmp and maglev\)`},
		{DSRUDP, "sees", `it saw the VIP of 12 of 12, and the client's own port of 12`},
		{DNATNFT, "sees", `it saw the VIP of 0 of 12 \(it saw the wildcard address alone\), and the client's own port of [3-6], another one of [6-9]`},
		{DSRUDP, "one-port", `12 of 12 accepted; the program saw the client's own port of 12 \(ecmp and maglev\)`},
		{DSRUDP, "change", `one line for right answers; 3 to learn the VIP too`},
		{DNATNFT, "change", `0 lines for right answers, as it is the naive program itself; it never learns the VIP; 3 commands on every host for one VIP, 4 for two`},
	} {
		require.Regexp(t, "^"+c.says+"$", r.Cell(c.repair, c.question).Says)
	}
	require.Equal(t, "port rewritten", r.Cell(DNATNFT, "one-port-direct").Short)
}

// What fails, fails in the way that is known, which silence is not.
func TestWhatFails(t *testing.T) {
	r := compared(t, lossBound, "none mangle bind bind-dsrudp pktinfo", asked)
	require.Empty(t, r.Faults())
	for _, c := range []struct{ repair, question, says string }{
		{Mangle, "change", "0 lines for right answers, as it is the naive program itself; it never learns the VIP; 3 commands on every host for one VIP, 4 for two, the last of which changes nothing: its rule never matches"},
		{Bind, "two-vips", "12 of 12 accepted (ecmp and maglev); bound to the first VIP alone: 198.51.100.2: 6 of 6 accepted; 198.51.100.101: 0 of 6 accepted; 6 refused (ECONNREFUSED) (ecmp and maglev)"},
		{Bind, "change", "9 lines for right answers by a socket for each VIP, one line by one for one VIP alone; 10 to learn the VIP too"},
		{Pktinfo, "change", "16 lines for right answers; 23 to learn the VIP too"},
	} {
		require.Equal(t, c.says, r.Cell(c.repair, c.question).Says)
	}
	for _, c := range r.Cells {
		q := r.question(c.Question)
		if c.Verdict != NotMet || c.Expected == "" {
			continue
		}
		for _, wrong := range [][]string{nil, {"0 of 6 accepted; 6 lost without a trace"}, append([]string{"6 of 6 accepted"}, c.Happened...), {c.Happened[0] + "0"}} {
			c.Happened, c.Differs = wrong, ""
			require.Contains(t, q.judge(r.repair(c.Repair), c).Differs, "as expected, but not for the reason that was ", "%s, %s", c.Repair, c.Question)
		}
		c.Verdict, c.Differs = Met, ""
		require.Contains(t, q.judge(r.repair(c.Repair), c).Differs, "expected not met (")
		c.Verdict = Failed
		require.Empty(t, q.judge(r.repair(c.Repair), c).Differs, "it is a fault by itself")
	}
}

// Every cell of the table has a place for what has to come of it, and how it fails.
func TestExpectations(t *testing.T) {
	open := 0
	for _, q := range questions() {
		require.NotEqual(t, q.ask == nil, q.measure == nil, q.ID)
		require.Equal(t, Met, q.expected(DSRUDP).verdict, q.ID)
		for _, r := range repairs() {
			e := q.expected(r.ID)
			require.True(t, e.verdict != NotMet || e.happened != "", "%s, %s", q.ID, r.ID)
			require.Equal(t, e.verdict == "", e.why == "", "%s, %s", q.ID, r.ID)
			if e.verdict == "" {
				open++
			}
		}
	}
	require.Equal(t, 9, open, "processor time of six repairs, and lines of three")
}

// A program that does not do what is expected of it is a fault, also if it fails as
// it should because it does nothing at all, or is met by another repair's doing.
func TestSabotage(t *testing.T) {
	silent := func(c net.PacketConn, b []byte) error {
		_, _, err := c.ReadFrom(b)
		return err
	}
	for _, test := range []struct {
		repair, question, says string
		change                 func(rs map[string]*Repair)
	}{
		{DSRUDP, "direct one-vip", ", dsrudp: not met, expected met (a promise of the library): ", func(rs map[string]*Repair) { rs[DSRUDP].program = naiveProgram }},
		{DSRUDP, "direct broadcast", ", dsrudp: not met, expected met (a promise of the library): ", func(rs map[string]*Repair) { rs[DSRUDP].program = boundProgram }},
		{Bind, "direct", "bind to the VIP (net): met, expected not met (K10.3", func(rs map[string]*Repair) { rs[Bind].program = dropinProgram }},
		{None, "one-vip sees", "as expected, but not for the reason that was (", func(rs map[string]*Repair) {
			rs[None].program.answer, rs[None].program.report = silent, silent
		}},
		{Pktinfo, "asymmetric", "as expected, but not for the reason that was (K1.5", func(rs map[string]*Repair) { rs[Pktinfo].program.answer = silent }},
		{DNATNFT, "one-vip", "met, another repair was at work: that the kernel tracks connections is false", func(rs map[string]*Repair) { rs[DNATNFT].rules.netlink = rs[Mangle].rules.netlink }},
		{Mangle, "one-vip", "met, another repair was at work: that the kernel tracks connections is true", func(rs map[string]*Repair) { rs[Mangle].rules.netlink = rs[DNATNFT].rules.netlink }},
	} {
		r := compared(t, lossBound, test.repair, test.question, test.change)
		require.Len(t, r.Faults(), len(strings.Fields(test.question)), "%s: %v", test.repair, r.Cells)
		for _, f := range r.Faults() {
			require.Contains(t, f, test.says)
		}
	}
}

// A question that cannot be put fails for itself, and the others are put.
func TestFailure(t *testing.T) {
	broken := errors.New("no paper left")
	fine := Cell{Verdict: Met, Says: "fine"}
	qs := []Question{
		{ID: "a", Title: "one by one", ask: func(_ context.Context, t *trial) (Cell, error) {
			if t.repair.ID == None {
				return Cell{}, broken
			}
			return fine, nil
		}},
		{ID: "b", Title: "all together", measure: func(_ context.Context, ts []*trial) ([]Cell, error) { return []Cell{fine, fine}, broken }},
		{ID: "c", Title: "fine", measure: func(_ context.Context, ts []*trial) ([]Cell, error) { return []Cell{fine, failed(broken)}, nil }},
	}
	r, err := run(t.Context(), Options{Repairs: []string{None, DSRUDP}}, repairs(), qs)
	require.NoError(t, err)
	require.Equal(t, []string{
		"one by one, no repair (net): could not be found out: no paper left",
		"all together, no repair (net): could not be found out: no paper left",
		"all together, dsrudp: could not be found out: no paper left",
		"fine, dsrudp: could not be found out: no paper left",
	}, r.Faults())

	// What dsrudp does not meet is a fault although no fact of the kernel's forbids
	// it; a table that is too large is nobody's.
	r = &Result{Cells: []Cell{{Repair: Bind, Question: "cpu", Verdict: NotMet}, {Repair: DSRUDP, Question: "full", Verdict: TooLarge}, {Repair: DSRUDP, Question: "cpu", Verdict: NotMet}}}
	require.Equal(t, []string{"cpu, dsrudp: not met: "}, r.Faults())

	// A run that is called off has no result.
	ctx, cancel := context.WithCancel(t.Context())
	qs[0].ask = func(context.Context, *trial) (Cell, error) {
		cancel()
		return fine, nil
	}
	qs[1].measure = func(context.Context, []*trial) ([]Cell, error) {
		require.Fail(t, "it goes on")
		return nil, nil
	}
	_, err = run(ctx, Options{}, repairs(), qs)
	require.ErrorIs(t, err, context.Canceled)
}

// Requests that fit into a link are another question than that of fragments.
func TestFragmentsAreSeen(t *testing.T) {
	labtest.Need(t)
	_, err := (&trial{repair: repairs()[0], bound: patience}).put(t.Context(), fragments(1000))
	require.ErrorContains(t, err, "198.51.100.2.60002: UDP, length 1000 came whole")
}

// Where a tool is missing or fails, in one family even, its rules are made all the
// same, and the note says so.
func TestTools(t *testing.T) {
	labtest.Need(t)
	const without = "rules made over netlink; the commands were not run: "
	for _, test := range []struct{ tool, command, note string }{
		{"no-such-tool", "no-such-tool", without + "no-such-tool is not installed here"},
		{"false", "false", without + "false does not work here (repair: on false: false: exit status 1: )"},
		{"iptables", "false", "NOT MADE BY IPTABLES: " + without + "iptables does not work here (repair: on iptables: false: exit status 1: )"},
		{"true", "true", "rules made by the true command"},
	} {
		rs := repairs()[1:2]
		rs[0].rules.tool = test.tool
		rs[0].rules.commands = func(_ uint16, internal netip.Addr, _ ...netip.Addr) []repair.Command {
			if internal.Is4() && test.command == "false" {
				return nil
			}
			return []repair.Command{{test.command}}
		}
		require.NoError(t, useTools(rs))
		require.Equal(t, test.note, rs[0].Note)
		require.Equal(t, test.tool == "iptables", rs[0].Short == "ipt.=nft", "the head of its column says it too")
		require.Equal(t, test.command == "true", rs[0].rules.byTool)
		if rs[0].rules.byTool {
			continue
		}
		r, err := run(t.Context(), Options{Questions: []string{"direct", "ipv6"}, Bound: patience}, rs, questions())
		require.NoError(t, err)
		require.Empty(t, r.Faults())
	}
}
