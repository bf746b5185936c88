//go:build linux

package compare

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The right verdict for another reason than the one that is known is a surprise:
// servers that never ran, say, or another address than the one that is meant.
func TestRightVerdictForTheWrongReason(t *testing.T) {
	const (
		silence   = ": 0 of 6 accepted; 6 lost without a word"
		unclaimed = ": 0 of 6 accepted; 6 that reached the server's host, which no answer left"
		fine      = ": 6 of 6 accepted"
		ownPort   = "the client's own port of 24"
		fromFirst = ": 0 of 6 accepted; 6 rejected, with 198.51.100.2 for a source"
	)
	for _, c := range []struct {
		repair, question string
		verdict          Verdict
		right, wrong     [][]string
	}{
		{
			None, "one-vip", NotMet,
			[][]string{{"ecmp, 198.51.100.2: 0 of 6 accepted; 6 rejected, with 198.51.100.3 and 198.51.100.4 for a source", "maglev, 198.51.100.2: 0 of 6 accepted; 6 rejected, with 198.51.100.4 for a source"}},
			[][]string{
				nil,
				{"ecmp, 198.51.100.2" + silence, "maglev, 198.51.100.2" + silence},
				{"ecmp, 198.51.100.2: 0 of 6 accepted; 6 rejected, with 198.51.100.3 for a source", "maglev, 198.51.100.2" + silence},
				{"198.51.100.2: 0 of 6 accepted; 6 rejected, with 198.51.100.33 for a source"},
				{"198.51.100.2: 1 of 6 accepted; 5 rejected, with 198.51.100.3 for a source"},
				{"the program cannot bind (EADDRINUSE, address already in use)"},
			},
		},
		{
			Mangle, "two-vips", NotMet,
			[][]string{{"ecmp, 198.51.100.2" + fine, "ecmp, 198.51.100.101" + fromFirst}},
			[][]string{
				{"ecmp, 198.51.100.2" + fine, "ecmp, 198.51.100.101" + silence},
				{"ecmp, 198.51.100.2" + fromFirst, "ecmp, 198.51.100.101" + fromFirst},
				{"ecmp, 198.51.100.101" + fromFirst},
			},
		},
		{
			None, "one-port-direct", NotMet,
			[][]string{
				{"198.51.100.2: 0 of 6 accepted; 6 from 198.51.100.3, which did not reach the socket that asked", "198.51.100.3" + fine, ownPort},
				{"198.51.100.2: 0 of 6 accepted; 1 rejected, with 198.51.100.3 for a source; 5 from 198.51.100.3, which did not reach the socket that asked", "198.51.100.3" + fine, ownPort},
			},
			[][]string{
				{"198.51.100.2: 0 of 6 accepted; 5 from 198.51.100.3, which did not reach the socket that asked; 1 lost without a word", "198.51.100.3" + fine, ownPort},
				{"198.51.100.2: 0 of 6 accepted; 6 rejected, with 198.51.100.4 for a source", "198.51.100.3" + fine, ownPort},
				{"198.51.100.2" + silence, "198.51.100.3" + fine, ownPort},
			},
		},
		{
			Bind, "direct", NotMet,
			[][]string{{"198.51.100.2" + fine, "198.51.100.3: 0 of 6 accepted; 6 refused (ECONNREFUSED)"}},
			[][]string{
				{"198.51.100.2" + fine, "198.51.100.3" + silence},
				{"198.51.100.2: 0 of 6 accepted; 6 refused (ECONNREFUSED)", "198.51.100.3: 0 of 6 accepted; 6 refused (ECONNREFUSED)"},
			},
		},
		{
			Bind, "ipv6", NotMet,
			[][]string{{"ecmp, the program cannot bind (EADDRNOTAVAIL, cannot assign requested address)"}},
			[][]string{{"the program cannot bind (EADDRINUSE, address already in use)"}, {"2001:db8:198:51::2" + silence}},
		},
		{
			Pktinfo, "ipv6", NotMet,
			[][]string{{"ecmp, 2001:db8:198:51::2" + unclaimed + " (the program: EINVAL, invalid argument)"}},
			[][]string{{"2001:db8:198:51::2" + unclaimed + " (the program: EPERM, operation not permitted)"}, {"2001:db8:198:51::2" + silence}},
		},
		{
			Pktinfo, "asymmetric", NotMet,
			[][]string{{"198.51.100.2" + unclaimed + " (the program sent 6 answers)", "sought on eth0"}},
			[][]string{{"198.51.100.2" + unclaimed + " (the program sent 6 answers)"}, {"198.51.100.2" + unclaimed + " (the program sent 0 answers)"}, {"198.51.100.2" + silence}},
		},
		{
			DNATNFT, "one-port", Met,
			[][]string{{"ecmp, 198.51.100.2" + fine, "ecmp, 198.51.100.101" + fine, "the client's own port of 12, another one of 12 (40695 as 1024)"}, {"ecmp, 198.51.100.2" + fine, "ecmp, 198.51.100.101" + fine, "the client's own port of 11, another one of 13 (40695 as 1024)"}},
			[][]string{
				{"ecmp, 198.51.100.2" + fine, "ecmp, 198.51.100.101" + fine, "the client's own port of 24"},
				{"ecmp, 198.51.100.2" + fine, "ecmp, 198.51.100.101" + fine, "the client's own port of 13, another one of 11 (40695 as 1024)"},
				{"ecmp, 198.51.100.2" + fine, "ecmp, 198.51.100.101" + fine},
			},
		},
	} {
		r, q := Repair{ID: c.repair}, Question{ID: c.question}
		for _, happened := range c.right {
			cell := judge(r, q, working(r, finding{verdict: c.verdict, happened: happened}))
			require.False(t, cell.Surprise, "%s, %s: %s", c.repair, c.question, cell.Differs)
		}
		for _, happened := range c.wrong {
			cell := judge(r, q, working(r, finding{verdict: c.verdict, happened: happened}))
			require.True(t, cell.Surprise, "%s, %s: %q", c.repair, c.question, happened)
			require.Contains(t, cell.Differs, "as expected, but not for the reason that was (K")
		}
	}
}

// working is a finding in which the repair was seen at work.
func working(r Repair, f finding) finding {
	f.work = []string{atWork[r.ID].sockets + "; " + allTracked}
	return f
}

// Another verdict is a surprise, unless it could not be had.
func TestJudge(t *testing.T) {
	r, q := Repair{ID: DNATNFT}, Question{ID: "one-vip"}
	require.False(t, judge(r, q, working(r, finding{verdict: Met})).Surprise)
	require.True(t, judge(r, q, finding{verdict: NotMet}).Surprise)
	require.False(t, judge(r, q, finding{verdict: TooLarge}).Surprise)
	require.False(t, judge(r, q, finding{verdict: Failed}).Surprise, "it is a fault by itself")
	require.False(t, judge(r, Question{ID: "cpu"}, finding{verdict: NotMet}).Surprise, "nothing is known of it")
}
