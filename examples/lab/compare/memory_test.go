//go:build linux

package compare

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// The machine's own noise is none of the test's: its memory here is of the test's
// making, and grows for DNAT alone.
func TestMemory(t *testing.T) {
	labtest.Need(t)
	e := little
	reads := 0
	e.slabs = func() (int64, error) {
		reads++
		return 1 << 20, nil
	}
	o := Options{Repairs: []string{DNATNFT, DSRUDP}, Questions: []string{"memory"}, Bound: patience, effort: &e}
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Positive(t, reads)
	dnat := r.Cell(DNATNFT, "memory")
	require.Equal(t, NotMet, dnat.Verdict, "connections tell, also where memory does not")
	require.True(t, dnat.Surprise, "memory for no connection")
	require.Equal(t, Met, r.Cell(DSRUDP, "memory").Verdict)
	for name, n := range map[string]float64{"entries of 1": 1, "entries of 10": 10, "entries of 1000": 1000} {
		require.Equal(t, n, dnat.Numbers[name])
		require.Zero(t, r.Cell(DSRUDP, "memory").Numbers[name])
	}
	require.Regexp(t, `^1, 10 and 1 000 connections tracked for 1, 10 and 1 000 clients; the kernel's slabs grew by 0±4096, 0±410 and 0.0±4.1 B for each, the program's heap by -?\d+ B$`, dnat.Says)

	e.slabs = func() (int64, error) { return 0, errors.New("no such file") }
	r, err = Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, Failed, r.Cell(DSRUDP, "memory").Verdict)
	require.Contains(t, r.Cell(DSRUDP, "memory").Says, "no such file")
}

func TestMemoryFinding(t *testing.T) {
	for _, test := range []struct {
		name    string
		entries int
		slab    int64
		noise   float64
		verdict Verdict
		short   string
		unsaid  bool // that a connection for each client was seen
	}{
		{"nothing", 0, 0, 0, Met, "0±0 B", true},
		{"less than nothing", 0, -20_000, 50_000, Met, "0±1 B", true},
		{"a lot less", 0, -200_000, 50_000, Met, "-2±1 B", true},
		{"just noise", 0, 400_000, 300_000, Met, "4±3 B", true},
		{"a connection each", 100_000, 25_600_000, 90_000, NotMet, "256±1 B", false},
		{"connections without memory", 100_000, 0, 90_000, NotMet, "0±1 B", true},
		{"one connection", 1, 300, 0, NotMet, "0±0 B", true},
		{"memory without connections", 0, 25_600_000, 90_000, NotMet, "256±1 B", true},
		{"less than can be", 0, -20_000_000, 90_000, Failed, "-200±1 B", true},
		{"too much noise", 0, 0, 5_000_000, Failed, "0±50 B", true},
	} {
		f := memoryFinding([]memoryRun{memoryOf(test.entries, test.slab)}, []float64{4096, test.noise})
		require.Equal(t, test.verdict, f.verdict, test.name)
		require.Equal(t, test.short, f.short, test.name)
		require.Equal(t, test.unsaid, f.happened == nil, test.name)
		require.Equal(t, 4096.0, f.numbers["noise bytes of 1"])
		require.Equal(t, float64(test.slab), f.numbers["slab bytes of 100000"])
	}
	// What is there in all runs is kept; what is there in some is noise.
	noise := []float64{4096, 90_000}
	f := memoryFinding([]memoryRun{memoryOf(0, 25_600_000), memoryOf(0, 25_500_000), memoryOf(0, 25_700_000)}, noise)
	require.Equal(t, NotMet, f.verdict)
	require.Equal(t, "255±2 B", f.short)
	f = memoryFinding([]memoryRun{memoryOf(0, 16_000_000), memoryOf(0, 1_000_000), memoryOf(0, -9_000_000)}, noise)
	require.Equal(t, Failed, f.verdict)
	require.Contains(t, f.says, ", in the run that changed least of 3, which differ by 250 B; that is too much noise to tell")

	require.Equal(t, "-0.4±0.1", perClient(-0.41, 0.1))
	require.Equal(t, "0.0±0.1", perClient(-0.01, 0.1))
	require.Equal(t, "8192±4096", perClient(8192, 4096))
	page := float64(os.Getpagesize())
	require.Equal(t, []float64{page, 70_000}, noiseOf([]memoryRun{memoryOf(0, -70_000), memoryOf(0, 60_000)}))
}

// memoryOf is a run with so much for 100 000 clients.
func memoryOf(entries int, slab int64) memoryRun {
	return memoryRun{weights: []weight{{1, min(1, entries), 0}, {100_000, entries, slab}}, heap: 49}
}

// A run that was disturbed is repeated, and not for ever.
func TestRuns(t *testing.T) {
	const disturbed, fine = 16_000_000, 50_000
	for _, test := range []struct {
		slabs  []int64
		wanted int
		got    int // runs that count
	}{
		{[]int64{fine}, 1, 1},
		{[]int64{disturbed, fine}, 1, 1},
		{[]int64{-disturbed, disturbed, fine}, 1, 1},
		{[]int64{disturbed, disturbed, disturbed, disturbed}, 1, 4},
		{[]int64{fine, disturbed, fine, disturbed}, 3, 4},
		{[]int64{fine, disturbed, fine, fine}, 3, 3},
	} {
		n := 0
		got, err := runs(test.wanted, 4, func() (memoryRun, error) {
			n++
			return memoryOf(0, test.slabs[n-1]), nil
		})
		require.NoError(t, err)
		require.Len(t, got, test.got)
		require.Equal(t, len(test.slabs), n, "it tries as often as it has to")
	}
	got, err := runs(1, 4, func() (memoryRun, error) { return memoryOf(100_000, disturbed), nil })
	require.NoError(t, err)
	require.Len(t, got, 1, "connections settle it")
	_, err = runs(1, 4, func() (memoryRun, error) { return memoryRun{}, errors.New("no such file") })
	require.Error(t, err)
}

// A reading counts once it has come to rest, and what never does counts all the
// same.
func TestSteady(t *testing.T) {
	readings := []int64{9 << 20, 5 << 20, 5<<20 + 4096, 5 << 20, 5 << 20, 5<<20 + 8192, 7 << 20}
	n := 0
	got, err := steady(t.Context(), func() (int64, error) {
		n++
		return readings[n-1], nil
	})
	require.NoError(t, err)
	require.EqualValues(t, 5<<20+8192, got)
	require.Equal(t, 6, n)

	n = 0
	_, err = steady(t.Context(), func() (int64, error) {
		n++
		return int64(n) << 20, nil
	})
	require.NoError(t, err)
	require.EqualValues(t, steadyBound/steadyInterval, n)

	now, err := slabs()
	require.NoError(t, err)
	require.Positive(t, now)
}
