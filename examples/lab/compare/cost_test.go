//go:build linux

package compare

import (
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
		require.Empty(t, idle(r.repair(c.Repair), r.question(c.Question), finding{verdict: Met, work: c.Work}))
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
