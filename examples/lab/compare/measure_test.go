//go:build linux

package compare

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestCPU(t *testing.T) {
	r := compared(t, patience, "none dnat-nft dsrudp", "cpu")
	for _, c := range r.Cells {
		n := c.Numbers
		require.Positive(t, n["rounds"], c.Says)
		require.Positive(t, n["microseconds"])
		require.Positive(t, n["lower quartile"])
		require.LessOrEqual(t, n["lower quartile"], n["ratio"])
		require.LessOrEqual(t, n["ratio"], n["upper quartile"])
		require.Regexp(t, `^\d+\.\d\d?×(, own address)?$`, c.Short)
	}

	// The ratio is that of the rounds, not of sums in which a slow one counts for many;
	// the naive program's has to be about 1.
	sink, base := []time.Duration{100, 100, 5000}, []time.Duration{200, 300, 5100}
	require.Equal(t, map[string]float64{"lower quartile": 2, "ratio": 2, "upper quartile": 850, "microseconds": 0.4 / 64, "rounds": 3},
		cpuCell(Repair{ID: DSRUDP}, []time.Duration{300, 500, 90000}, base, sink).Numbers)
	for _, test := range []struct {
		repair  string
		percent time.Duration
		verdict Verdict
		short   string
	}{{DSRUDP, 140, Met, "1.40×"}, {DNATNFT, 160, NotMet, "1.60×"}, {Mangle, 90, Met, "0.90×"}, {None, 104, Met, "1.04×, own address"}, {None, 112, Failed, "1.12×, own address"}} {
		var costs []time.Duration
		for i := range sink {
			costs = append(costs, sink[i]+(base[i]-sink[i])*test.percent/100)
		}
		c := cpuCell(Repair{ID: test.repair}, costs, base, sink)
		require.Equal(t, []any{test.verdict, test.short}, []any{c.Verdict, c.Short})
	}
}

// Answers that do not come from the address that was asked do not count, and are
// noticed, as is what the sink did not get.
func TestSetupsCount(t *testing.T) {
	labtest.Need(t)
	naive := repairs()[0]
	l, sink := newSetup(&naive), newSetup(nil)
	defer func() { require.NoError(t, errors.Join(l.Close(), sink.Close())) }()
	require.NoError(t, errors.Join(l.err, sink.err))
	payload, b := make([]byte, cpuPayload), make([]byte, 1<<16)
	for _, setup := range []*setup{l, sink} {
		_, err := setup.window(payload, b)
		require.NoError(t, err)
	}
	require.NoError(t, l.verify())
	sink.sent++
	require.ErrorContains(t, sink.verify(), "of 65 datagrams to 198.51.100.2 64 were dropped there")
	require.NoError(t, drop(l.client, pairVIP)) // from where the naive program does not answer
	require.ErrorContains(t, l.verify(), "of 64 datagrams to 192.0.2.1 0 were answered from there")

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, ok, err := undisturbed(func() (time.Duration, error) {
		<-time.After(time.Millisecond) // gives the processor away
		return 0, nil
	})
	require.NoError(t, err)
	require.False(t, ok)
}

func TestMemory(t *testing.T) {
	r := compared(t, patience, "dnat-nft dsrudp", "memory")
	dnat, dsrudp := r.Cell(DNATNFT, "memory"), r.Cell(DSRUDP, "memory")
	require.Equal(t, NotMet, dnat.Verdict, "connections tell, also where memory does not")
	require.Contains(t, dnat.Differs, "not for the reason that was", "memory for no connection")
	require.Contains(t, dnat.Says, "1, 10, 1 000 connections tracked for 1, 10, 1 000 clients; the kernel's slabs grew by 0.0±0.0 B for each,")
	require.Equal(t, Met, dsrudp.Verdict)
	require.EqualValues(t, 1000, dnat.Numbers["entries of 1000"])
	require.Zero(t, dsrudp.Numbers["entries of 1000"])

	for _, test := range []struct {
		entries   int
		slabs     []float64 // of runs, as many as it takes
		noise     float64
		verdict   Verdict
		short     string
		eachKnown bool
	}{
		{0, []float64{7}, 0, Met, "7±0 B", false},
		{0, []float64{-0.4}, 0.5, Met, "0±1 B", false},
		{0, []float64{30}, 30, Met, "30±30 B", false},
		{0, []float64{160, 0.4}, 1, Met, "0±1 B", false},
		{0, []float64{160, 256, 170, 180}, 1, NotMet, "160±1 B", false},
		{1000, []float64{250}, 1, NotMet, "250±1 B", true},
		{1000, []float64{0}, 1, NotMet, "0±1 B", false},
		{1, []float64{0}, 0, NotMet, "0±0 B", false},
	} {
		n := 0
		w, err := leastUsage(test.noise, func() (usage, error) {
			n++
			return usage{clients: []int{1000}, entries: []int{test.entries}, slab: test.slabs[n-1]}, nil
		})
		require.NoError(t, err)
		require.Len(t, test.slabs, n)
		c := w.cell(test.noise)
		require.Equal(t, []any{test.verdict, test.short}, []any{c.Verdict, c.Short})
		require.Equal(t, test.eachKnown, c.Happened[0] == "a connection for each client", test)
	}

	now, err := slabs()
	require.NoError(t, err)
	require.Positive(t, now)
}

// A table that is not full is noticed: before the port is exempt, everybody is
// answered. DNAT is without effect after, and what one repair did is gone before the
// next.
func TestFull(t *testing.T) {
	r := compared(t, patience, "none dnat-nft mangle dsrudp", "full")
	require.Len(t, r.Faults(), 4)
	for _, c := range r.Cells {
		require.Contains(t, c.Differs, `as expected, but not for the reason that was`)
		require.EqualValues(t, 6, c.Numbers["accepted before"])
		require.InDelta(t, 1050, c.Numbers["entries"], 50)
	}
	require.Contains(t, r.Cell(DNATNFT, "full").Says, "; exempt from tracking: 0 of 6 accepted; 6 rejected, with 192.0.2.1 for a source")
	require.Regexp(t, `^1 \d{3} of \d+( \d+)* connections in the table; before: 6 of 6 accepted; exempt from tracking: 6 of 6 accepted$`, r.Cell(DSRUDP, "full").Says)

	large := little
	large.table = fullMost + 1
	cells, err := full(t.Context(), []*trial{{repair: repairs()[0], effort: large}})
	require.NoError(t, err)
	require.Equal(t, []Cell{{Verdict: TooLarge, Says: "the table holds 262 145 connections; root can make it smaller for a while: sysctl -w net.netfilter.nf_conntrack_max=262144"}}, cells)
}
