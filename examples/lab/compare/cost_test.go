//go:build linux

package compare

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestCPU(t *testing.T) {
	r := compared(t, []string{None, DNATNFT, DSRUDP}, []string{"cpu"})
	for _, c := range r.Cells {
		require.Positive(t, c.Numbers["rounds"])
		require.Positive(t, c.Numbers["microseconds"])
		require.Positive(t, c.Numbers["ratio"])
		require.Regexp(t, `^\d+\.\d\d×$`, c.Short)
	}
}

// Answers that do not come from the address that was asked do not count, and are
// noticed.
func TestLaneCounts(t *testing.T) {
	labtest.Need(t)
	l, err := newLane(repairs()[0])
	defer func() { require.NoError(t, l.close()) }()
	require.NoError(t, err)
	_, err = l.window(make([]byte, cpuPayload), make([]byte, 1<<16))
	require.NoError(t, err)
	n, err := l.drop.count()
	require.NoError(t, err)
	require.EqualValues(t, cpuBursts*cpuClients, n)
	require.NoError(t, l.verify())

	l.drop, err = newDrop(l.pair.client, pairVIP) // from where the naive program does not answer
	require.NoError(t, err)
	require.ErrorContains(t, l.verify(), "of 64 datagrams to 192.0.2.1 0 were answered from there")
}

func TestUndisturbed(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	d, ok, err := undisturbed(func() (time.Duration, error) { return 7, nil })
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 7, d)
	calls := 0
	_, ok, err = undisturbed(func() (time.Duration, error) {
		calls++
		<-time.After(time.Millisecond) // gives the processor away
		return 0, nil
	})
	require.NoError(t, err)
	require.False(t, ok, "after %d calls", calls)
}

// The ratio is that of the rounds, not of sums in which one slow round counts
// for many.
func TestRatio(t *testing.T) {
	sink := &lane{costs: []time.Duration{100, 100, 5000}}
	base := &lane{costs: []time.Duration{200, 300, 5100}}
	l := &lane{costs: []time.Duration{300, 500, 90000}}
	require.Equal(t, 2.0, l.ratio(base, sink))
	require.InDelta(t, 0.4/64, l.perDatagram(sink), 1e-9)
}

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
	require.Contains(t, r.Cell(DSRUDP, "memory").Says, "measuring the noise: no such file")
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
		{"too much noise", 0, 0, 5_000_000, Failed, "0±50 B", true},
	} {
		f := memoryFinding([]weight{{1, min(1, test.entries), 0}, {100_000, test.entries, test.slab}}, []float64{4096, test.noise}, 49)
		require.Equal(t, test.verdict, f.verdict, test.name)
		require.Equal(t, test.short, f.short, test.name)
		require.Equal(t, test.unsaid, f.happened == nil, test.name)
		require.Equal(t, 4096.0, f.numbers["noise bytes of 1"])
		require.Equal(t, float64(test.slab), f.numbers["slab bytes of 100000"])
	}
	require.Equal(t, "-0.4±0.1", perClient(-0.41, 0.1))
	require.Equal(t, "0.0±0.1", perClient(-0.01, 0.1))
	require.Equal(t, "8192±4096", perClient(8192, 4096))
	page := float64(os.Getpagesize())
	require.Equal(t, []float64{page, 70_000}, noiseOf([][]weight{{{slab: 1}, {slab: -70_000}}, {{slab: -3}, {slab: 60_000}}}))
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
	defer p.Close()
	require.NoError(t, err)
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

func TestTableTooLarge(t *testing.T) {
	f := tooLarge(2_000_000)
	require.Equal(t, NeedsRoot, f.verdict)
	require.Contains(t, f.says, "the table holds 2 000 000 connections")
	require.Contains(t, f.says, "sysctl -w net.netfilter.nf_conntrack_max=400000")
	require.False(t, judge(Repair{ID: DNATNFT}, Question{ID: "full"}, f).Surprise)
}

func TestChange(t *testing.T) {
	code, err := naiveProgram.code("Answer")
	require.NoError(t, err)
	require.NotContains(t, code, "import")
	require.NotContains(t, code, "//")
	require.Contains(t, code, "net.ListenUDP(")
	require.Zero(t, added(code, code))
	require.Equal(t, 2, added("a\nb\nc\n", "a\nB\nc\nd\n"))
	_, err = program{name: "none"}.code("Answer")
	require.Error(t, err)
}

func TestNumbers(t *testing.T) {
	require.Equal(t, "1", thousands(1))
	require.Equal(t, "1 000", thousands(1000))
	require.Equal(t, "262 144", thousands(262144))
	require.Equal(t, "1 000 000", thousands(1000000))
	require.Equal(t, "a", enumerate([]string{"a"}))
	require.Equal(t, "a, b and c", enumerate([]string{"a", "b", "c"}))
	require.Equal(t, "one command", plural(1, "command"))
	require.Equal(t, "3 commands", plural(3, "command"))
}
