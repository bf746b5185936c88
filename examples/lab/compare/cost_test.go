//go:build linux

package compare

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestCPU(t *testing.T) {
	r := compared(t, []string{None, DNATNFT, DSRUDP}, []string{"cpu"})
	for _, c := range r.Cells {
		require.Positive(t, c.Numbers["rounds"])
		require.Empty(t, idle(r.repair(c.Repair), r.question(c.Question), finding{verdict: Met, work: c.Work}))
		require.Positive(t, c.Numbers["microseconds"])
		require.Positive(t, c.Numbers["ratio"])
		require.Regexp(t, `^\d+\.\d\d?×(, own address)?$`, c.Short)
		require.Equal(t, c.Repair == None, strings.HasSuffix(c.Short, ", own address"))
		require.LessOrEqual(t, c.Numbers["lower quartile"], c.Numbers["ratio"])
		require.LessOrEqual(t, c.Numbers["ratio"], c.Numbers["upper quartile"])
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
	require.Equal(t, quartiles{2, 2, 850}, l.ratio(base, sink))
	require.InDelta(t, 0.4/64, l.perDatagram(sink).median, 1e-9)
}

func TestCPUFinding(t *testing.T) {
	cost := quartiles{9, 10.04, 11}
	for _, test := range []struct {
		repair  string
		ratio   quartiles
		verdict Verdict
		short   string
	}{
		{None, quartiles{0.98, 1.004, 1.02}, Met, "1.00×, own address"},
		{None, quartiles{1.11, 1.14, 1.16}, Failed, "1.14×, own address"},
		{None, quartiles{0.7, 0.89, 0.9}, Failed, "0.9×, own address"},
		{DNATNFT, quartiles{0.7, 0.89, 0.9}, Met, "0.9×"},
		{DNATNFT, quartiles{1.2, 1.264, 1.29}, Met, "1.26×"},
		{DSRUDP, quartiles{1.1, 1.264, 1.4}, Met, "1.3×"},
		{DSRUDP, quartiles{1.49, 1.501, 1.52}, NotMet, "1.50×"},
	} {
		f := cpuFinding(Repair{ID: test.repair}, test.ratio, cost, 400)
		require.Equal(t, test.verdict, f.verdict, test.short)
		require.Equal(t, test.short, f.short)
		require.Equal(t, test.verdict == Failed, strings.Contains(f.says, "; as this is that program itself, it has to come to 0.9 to 1.1: the machine is too busy"))
	}
	require.Equal(t, "1.3 times the naive program's on its own address (half of the 400 rounds between 1.10 and 1.40; 10.0 µs a datagram here)",
		cpuFinding(Repair{ID: DSRUDP}, quartiles{1.1, 1.264, 1.4}, cost, 400).says)
}

// What the sink does not get would be subtracted all the same, and is noticed.
func TestSinkCounts(t *testing.T) {
	labtest.Need(t)
	l, err := newSink()
	defer func() { require.NoError(t, l.close()) }()
	require.NoError(t, err)
	_, err = l.window(make([]byte, cpuPayload), nil)
	require.NoError(t, err)
	require.NoError(t, l.verifySink())
	l.sent++
	require.ErrorContains(t, l.verifySink(), "of 65 datagrams to the host that drops them 64 came there")
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
