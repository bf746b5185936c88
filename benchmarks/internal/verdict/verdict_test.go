//go:build linux

package verdict_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/verdict"
)

// entry returns an entry that took cpu for each of 1000 datagrams in each round.
func entry(name string, cpu ...time.Duration) run.Entry {
	e := run.Entry{Entry: plan.Entry{Label: name, Server: plan.Server{Name: name}}, Datagrams: 1000 * len(cpu)}
	for _, c := range cpu {
		e.Windows = append(e.Windows, run.Window{Result: load.Result{Tally: load.Tally{Replies: 1000}, CPU: 1000 * c, Elapsed: 1000 * c}})
	}
	return e
}

func outcome(entries ...run.Entry) []*run.Outcome {
	s := plan.Scenario{Name: "s"}
	for _, e := range entries {
		s.Entries = append(s.Entries, e.Entry)
	}
	return []*run.Outcome{{Scenario: s, Entries: entries}}
}

func judge(c plan.Check, os []*run.Outcome) verdict.Verdict {
	c.Scenario = "s"
	return verdict.Of([]plan.Check{c}, os)[0]
}

func TestGrades(t *testing.T) {
	os := outcome(entry("x", 8, 16, 24), entry("net", 10, 20, 30))
	c := plan.Check{Metric: plan.CPU, Of: "x", Over: "net", Floor: .9, Target: .7}
	v := judge(c, os)
	require.InDelta(t, .8, v.Value.Median, 1e-9)
	require.Equal(t, verdict.Floor, v.Grade)
	require.False(t, verdict.Failed([]verdict.Verdict{v}))

	c.Target = .85
	require.Equal(t, verdict.Met, judge(c, os).Grade)

	c.Floor, c.Target = .75, .7
	v = judge(c, os)
	require.Equal(t, verdict.Missed, v.Grade)
	require.True(t, verdict.Failed([]verdict.Verdict{v}))
}

// TestLimit: what C reaches is told where the ratio is over somebody else's server.
func TestLimit(t *testing.T) {
	os := outcome(entry("dsrudp X", 8, 16), entry("dsrudp Y", 8, 8), entry("net", 10, 20), entry("C", 6, 12))
	c := plan.Check{Metric: plan.CPU, Of: "dsrudp X", Over: "net", Floor: .5, Target: .5}
	require.True(t, math.IsNaN(judge(c, os).Limit.Median), "there is no limit")
	os[0].Scenario.Limit = "C"
	require.InDelta(t, .6, judge(c, os).Limit.Median, 1e-9)
	for _, over := range []string{"dsrudp Y", "C", ""} {
		c.Over = over
		require.True(t, math.IsNaN(judge(c, os).Limit.Median), over)
	}
	c.Over, c.GainOf, c.GainOver = "net", "C", "net"
	require.True(t, math.IsNaN(judge(c, os).Limit.Median))
}

// TestSettled: what is near its floor on either side is not.
func TestSettled(t *testing.T) {
	os := outcome(entry("x", 8, 9, 7, 8, 8, 9, 7, 8), entry("net", 10, 10, 10, 10, 10, 10, 10, 10))
	for floor, settled := range map[float64]bool{1: true, .85: false, .8: false, .75: false, .6: true} {
		c := plan.Check{Scenario: "s", Metric: plan.CPU, Of: "x", Over: "net", Floor: floor, Target: .5}
		require.Equal(t, settled, verdict.Settled([]plan.Check{c}, os[0]), floor)
		c.AtLeast = true
		require.Equal(t, settled, verdict.Settled([]plan.Check{c}, os[0]), floor)
		other := c
		other.Scenario = "another"
		require.True(t, verdict.Settled([]plan.Check{other}, os[0]))
		absent := c
		absent.Of = "C"
		require.True(t, verdict.Settled([]plan.Check{absent}, os[0]))
	}
}

func TestNotMeasured(t *testing.T) {
	c := plan.Check{Metric: plan.CPU, Of: "x", Over: "C", Floor: 1, Target: 1}
	for name, os := range map[string][]*run.Outcome{
		"no scenario": nil,
		"no entry":    outcome(entry("x", 1)),
		"no windows":  outcome(entry("x", 1), entry("C")),
	} {
		v := judge(c, os)
		require.Equal(t, verdict.Unknown, v.Grade, name)
		require.False(t, verdict.Failed([]verdict.Verdict{v}), name)
	}
}

func TestGain(t *testing.T) {
	// The rate doubles, and C's grows by a half.
	os := outcome(entry("1", 10, 10), entry("2", 5, 5), entry("C1", 12, 12), entry("C2", 8, 8))
	c := plan.Check{Metric: plan.Rate, Of: "2", Over: "1", GainOf: "C2", GainOver: "C1", Floor: .9, Target: 1, AtLeast: true}
	v := judge(c, os)
	require.InDelta(t, 2/1.5, v.Value.Median, 1e-9)
	require.Equal(t, verdict.Met, v.Grade)

	c.Of, c.Over = c.Over, c.Of
	require.Equal(t, verdict.Missed, judge(c, os).Grade)
}

func TestWrongSourceFails(t *testing.T) {
	os := outcome(entry("dsrudp X", 1, 1), entry("net X", 1, 1))
	vs := verdict.Of(nil, os)
	require.Len(t, vs, 1, "net's are known")
	require.Equal(t, verdict.Met, vs[0].Grade)

	// No window has it, but it was seen.
	os[0].Entries[0].All = load.Tally{Replies: 3000, WrongSource: 1}
	require.True(t, verdict.Failed(verdict.Of(nil, os)))

	os[0].Entries[0].All = load.Tally{Replies: 3000, WrongPayload: 1}
	require.True(t, verdict.Failed(verdict.Of(nil, os)))
}

func TestAllocations(t *testing.T) {
	e := entry("x", 1, 1)
	e.After = echo.Stats{Mallocs: 2020}
	e.Before = echo.Stats{Mallocs: 20}
	c := plan.Check{Metric: plan.Allocs, Of: "x", Floor: .5, Target: .05}
	v := judge(c, outcome(e))
	require.Equal(t, 1.0, v.Value.Median)
	require.Equal(t, verdict.Missed, v.Grade)

	e.Server.C = []string{"recvmsg"}
	require.Equal(t, verdict.Unknown, judge(c, outcome(e)).Grade, "C does not say")
}
