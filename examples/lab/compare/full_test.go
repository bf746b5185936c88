//go:build linux

package compare

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// A table that is not full is found out: before the port is exempt, everybody is
// answered. DNAT is without effect after.
func TestTableThatIsNotFull(t *testing.T) {
	r := compared(t, []string{None, DNATIPTables, DNATNFT, Mangle, DSRUDP}, []string{"full"})
	require.Len(t, r.Faults(), 5)
	for _, c := range r.Cells {
		require.Contains(t, c.Differs, `as expected, but not for the reason that was`)
		require.Contains(t, c.Differs, `nothing matches "(?:^|, )(?:before`)
		require.EqualValues(t, 6, c.Numbers["accepted before"])
		require.GreaterOrEqual(t, c.Numbers["entries"], 1000.0)
		require.Less(t, c.Numbers["entries"], 1100.0, "what one repair did is cleared away before the next")
	}
	require.Contains(t, r.Cell(DNATIPTables, "full").Says, "; exempt from tracking: 0 of 6 accepted; 6 rejected, with 192.0.2.1 for a source")
	require.Regexp(t, `^1 \d{3} of \d+( \d+)* connections in the table; before: 6 of 6 accepted; exempt from tracking: 6 of 6 accepted$`, r.Cell(DSRUDP, "full").Says)
}

// What the kernel counts as dropped ends the wait for an answer.
func TestAskUntil(t *testing.T) {
	labtest.Need(t)
	p, err := newPair()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	require.NoError(t, track(p.server))
	s := &fullStand{pair: p}
	n, err := s.drops()
	require.NoError(t, err)
	require.Zero(t, n)
	over, err := s.dropped(t.Context(), 0)
	require.NoError(t, err)
	require.True(t, over)

	wire := labtest.Capture(t, p.client, pairDev)
	drop, err := newDrop(p.server, netip.Addr{})
	require.NoError(t, err)
	rs := requests(p.client, wire, pairClient, 2, pairServer)
	require.NoError(t, askUntil(t.Context(), time.Hour, func(_ context.Context, n int) (bool, error) {
		for {
			if dropped, err := drop.count(); err != nil || int(dropped) >= n {
				return true, err
			}
		}
	}, rs...))
	require.Equal(t, lost, rs[0].outcome)
	broken := errors.New("no such file")
	require.ErrorIs(t, askUntil(t.Context(), time.Hour, func(context.Context, int) (bool, error) { return true, broken }, rs...), broken)
}

// A table is filled if its memory is there and it takes no longer than a minute.
// One that is not filled is told as such, for each repair, and is no fault.
func TestTableTooLarge(t *testing.T) {
	const size = 2_000_000
	require.Empty(t, tooMuch(size, 2<<30))
	require.Equal(t, "takes up to 1 024 MB of the kernel's memory, and no more than half of the 2 047 MB that are available is taken", tooMuch(size, 2047e6))

	f := tooLarge(size, "has a reason")
	require.Equal(t, TooLarge, f.verdict)
	require.Equal(t, "the table holds 2 000 000 connections, and to fill it has a reason; root can make it smaller for a while: sysctl -w net.netfilter.nf_conntrack_max=262144", f.says)
	cell := judge(Repair{ID: DSRUDP}, Question{ID: "full"}, f)
	require.False(t, cell.Surprise)
	require.Empty(t, (&Result{Cells: []Cell{cell}}).Faults())

	labtest.Need(t)
	s, err := newFullStand()
	defer func() { require.NoError(t, s.close()) }()
	require.NoError(t, err)
	why, err := s.fillWithin(t.Context(), 1000, time.Nanosecond)
	require.NoError(t, err)
	require.Equal(t, "takes longer than 1ns", why)
	ended, end := context.WithCancel(t.Context())
	end()
	_, err = s.fillWithin(ended, 1000, time.Hour)
	require.ErrorIs(t, err, context.Canceled)
}
