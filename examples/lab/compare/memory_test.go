//go:build linux

package compare

import (
	"errors"
	"os"
	"strings"
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
	require.Regexp(t, `^1, 10 and 1 000 connections tracked for 1, 10 and 1 000 clients; the kernel's slabs grew by \(not measurable: ±4096\), \(not measurable: ±410\) and 0.0±4.1 B for each, the program's heap by -?\d+ B; the mean of 2 runs(; the kernel's object for a connection takes \d+ B)?$`, dnat.Says)

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
		slabs   []int64
		noise   float64
		verdict Verdict
		short   string
		unsaid  bool // that a connection for each client was seen
	}{
		{"nothing", 0, []int64{0, 0}, 0, Met, "0±0 B", true},
		{"less than nothing", 0, []int64{-20_000, -20_000}, 50_000, Met, "0±1 B", true},
		{"much less", 0, []int64{-20_000_000, -20_000_000}, 90_000, Met, "-200±1 B", true},
		{"just noise", 0, []int64{400_000, 400_000}, 300_000, Met, "4±3 B", true},
		{"runs that differ by more than the noise", 0, []int64{900_000, 100_000}, 50_000, Met, "5±8 B", true},
		{"a busy machine", 0, []int64{-30_000_000, 31_000_000}, 90_000, Met, "entries: 0", true},
		{"another", 0, []int64{20_000_000, 20_000_000}, 33_100_000, Met, "entries: 0", true},
		{"a connection each", 100_000, []int64{25_600_000, 24_500_000}, 90_000, NotMet, "251±11 B", false},
		{"on a busy machine", 100_000, []int64{60_000_000, -10_000_000}, 90_000, NotMet, "entries: 1", false},
		{"connections without memory", 100_000, []int64{0, 0}, 90_000, NotMet, "0±1 B", true},
		{"one connection", 1, []int64{300, 300}, 0, NotMet, "0±0 B", true},
		{"memory without connections", 0, []int64{25_600_000, 25_600_000}, 90_000, NotMet, "256±1 B", true},
		{"in some runs", 0, []int64{16_000_000, 16_000_000, 100_000}, 90_000, Met, "107±159 B", true},
	} {
		var tried []memoryRun
		for _, slab := range test.slabs {
			tried = append(tried, memoryOf(test.entries, slab))
		}
		f := memoryFinding(tried, []float64{4096, test.noise}, 256)
		require.Equal(t, test.verdict, f.verdict, test.name)
		require.Equal(t, test.short, f.short, test.name)
		require.Equal(t, test.unsaid, f.happened == nil, test.name)
		require.Equal(t, 4096.0, f.numbers["noise bytes of 1"])
		require.GreaterOrEqual(t, f.numbers["noise bytes of 100000"], test.noise)
		require.Equal(t, test.entries > 0, strings.Contains(f.says, "; the kernel's object for a connection takes 256 B"), test.name)
		busy := f.numbers["noise bytes per client"] >= smallest && test.entries == 0
		require.Equal(t, busy, strings.Contains(f.says, "; the machine is too busy to tell by the slabs"), test.name)
	}

	require.Equal(t, "-0.4±0.1", perClient(-0.41, 0.1))
	require.Equal(t, "0.0±0.1", perClient(-0.01, 0.1))
	require.Equal(t, "256±11", perClient(255.6, 11))
	require.Equal(t, "(not measurable: ±4096)", perClient(40960, 4096))
	page := float64(os.Getpagesize())
	require.Equal(t, []float64{page, 33_100_000}, noiseOf([]memoryRun{memoryOf(0, -70_000), memoryOf(0, 60_000), memoryOf(0, 33_100_000)}),
		"also a run that was disturbed")
}

// memoryOf is a run with so much for 100 000 clients.
func memoryOf(entries int, slab int64) memoryRun {
	return memoryRun{weights: []weight{{1, min(1, entries), 0}, {100_000, entries, slab}}, heap: 49}
}

// A repair for which memory grows and no connection is tracked is weighed again, and
// not for ever.
func TestRuns(t *testing.T) {
	const much, little = 16_000_000, 50_000
	noise := []float64{4096, 90_000}
	for _, slabs := range [][]int64{
		{little, little},
		{-much, much},
		{much, little},
		{much, much, little},
		{much, much, much, much},
	} {
		n := 0
		got, err := runs(noise, func() (memoryRun, error) {
			n++
			return memoryOf(0, slabs[n-1]), nil
		})
		require.NoError(t, err)
		require.Len(t, got, len(slabs), "all of them count")
		require.Equal(t, slabs[0] == much && slabs[len(slabs)-1] == much, memoryFinding(got, noise, 0).verdict == NotMet)
	}
	got, err := runs(noise, func() (memoryRun, error) { return memoryOf(100_000, much), nil })
	require.NoError(t, err)
	require.Len(t, got, repeats, "connections settle it")
	_, err = runs(noise, func() (memoryRun, error) { return memoryRun{}, errors.New("no such file") })
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
