//go:build linux

package run_test

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/cecho"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/run"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// TestMore: rounds go on, as many at a time, for as long as that is wanted.
func TestMore(t *testing.T) {
	r := newRunner(t, false)
	r.Rounds = 2
	var asked []int
	r.More = func(o *run.Outcome) bool {
		asked = append(asked, o.Rounds())
		return o.Rounds() < 6
	}
	o, err := r.Run(t.Context(), scenario(t, "one", labelled(plan.A, "dsrudp Server")))
	require.NoError(t, err)
	require.Equal(t, []int{2, 4, 6}, asked)
	for _, e := range o.Entries {
		require.Len(t, e.Windows, 6)
	}
}

// newRunner returns a runner of one round of short windows.
func newRunner(t *testing.T, inC bool) *run.Runner {
	labtest.Need(t)
	require.NoError(t, run.Prepare())
	cpus, err := machine.CPUs()
	require.NoError(t, err)
	r := &run.Runner{Rounds: 1, CPUs: cpus, Warm: time.Millisecond, Measure: 3 * time.Millisecond}
	if inC {
		r.C, err = cecho.Build(t.Context(), t.TempDir())
		if err != nil {
			require.ErrorIs(t, err, cecho.ErrNoCompiler)
		}
	}
	return r
}

// scenario returns one with short windows and the entries that keep is true of.
func scenario(t *testing.T, name string, keep func(plan.Entry) bool) plan.Scenario {
	all := plan.Scenarios()
	i := slices.IndexFunc(all, func(s plan.Scenario) bool { return s.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	s := all[i]
	s.Entries = slices.DeleteFunc(s.Entries, func(e plan.Entry) bool { return !keep(e) })
	for i := range s.Entries {
		s.Entries[i].Load.Measure = 0
	}
	return s
}

func every(plan.Entry) bool { return true }

func labelled(labels ...string) func(plan.Entry) bool {
	return func(e plan.Entry) bool { return slices.Contains(labels, e.Label) }
}

func TestSmoke(t *testing.T) {
	r := newRunner(t, false)
	windows := 0
	r.Done = func() { windows++ }
	o, err := r.Run(t.Context(), scenario(t, "one", labelled(plan.A, "dsrudp Server")))
	require.NoError(t, err)
	require.Equal(t, 2, windows)
	require.Len(t, o.Entries, 2)
	for i := range o.Entries {
		e := &o.Entries[i]
		require.Len(t, e.Windows, 1)
		require.Positive(t, e.Windows[0].Replies)
		require.Positive(t, e.Windows[0].CPU)
		require.Positive(t, e.Windows[0].P50)
		require.GreaterOrEqual(t, e.Datagrams, e.Windows[0].Replies)
		_, _, ok := e.Allocs()
		require.True(t, ok)
	}
	// A whole window may be disturbed, and is not to be used then.
	if ratio := o.Entry("dsrudp Server").Ratio(plan.CPU, o.Entry(plan.A)); ratio.N > 0 {
		require.Positive(t, ratio.Median)
	}
}

// Every server answers in every scenario: from the right source, unless it is
// known not to, and is then caught.
func TestEveryServerAnswers(t *testing.T) {
	r := newRunner(t, true)
	// A window is short, and on a busy machine over before an answer comes.
	r.More = func(o *run.Outcome) bool {
		return o.Rounds() < 100 && slices.ContainsFunc(o.Entries, func(e run.Entry) bool {
			replies, _ := e.Total()
			return replies == 0
		})
	}
	for _, name := range []string{"saturated", "group8", "gro4", "1200bytes", "ipv6", "dual4", "dual6", "reuseport"} {
		t.Run(name, func(t *testing.T) {
			o, err := r.Run(t.Context(), scenario(t, name, every))
			require.NoError(t, err)
			for i := range o.Entries {
				e := &o.Entries[i]
				replies, _ := e.Total()
				require.Positive(t, replies, e.Label)
				require.Greater(t, e.All.Replies, e.Datagrams, "%s: the first ones", e.Label)
				require.Zero(t, e.All.WrongPayload, e.Label)
				if e.Server.Wrong {
					require.Positive(t, e.All.WrongSource, e.Label)
				} else {
					require.Zero(t, e.All.WrongSource, e.Label)
				}
			}
		})
	}
}

func TestWithoutACompiler(t *testing.T) {
	r := newRunner(t, false)
	s := scenario(t, "gro16", labelled(plan.A, plan.CGRO))
	o, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	require.Len(t, o.Entries, 1)
	require.Nil(t, o.Entry(plan.CGRO))
	require.True(t, math.IsNaN(o.Entry(plan.A).Ratio(plan.CPU, o.Entry(plan.CGRO)).Median))
}

func TestServerThatDoesNotStart(t *testing.T) {
	r := newRunner(t, false)
	s := scenario(t, "one", labelled(plan.A))
	s.Entries[0].Server.Go.Name = "nobody's"
	_, err := r.Run(t.Context(), s)
	require.ErrorContains(t, err, "one: net AddrPort did not start")
}

func TestCancel(t *testing.T) {
	r := newRunner(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	r.Rounds, r.Done = 1000, cancel
	_, err := r.Run(ctx, scenario(t, "one", labelled(plan.A)))
	require.ErrorIs(t, err, context.Canceled)
}

func TestMemory(t *testing.T) {
	labtest.Need(t)
	m, err := run.Memory(t.Context())
	require.NoError(t, err)
	require.Greater(t, m.Conn, 500)
	require.Greater(t, m.Reader, 2048, "a goroutine's stack at least")
}

func TestDisturbedWindowsDoNotCount(t *testing.T) {
	w := run.Window{Result: load.Result{Tally: load.Tally{Replies: 10}, CPU: 100, Elapsed: time.Second, P50: 7, P99: 9}}
	e := run.Entry{Windows: []run.Window{w, {Result: w.Result, Disturbed: true}, {}}}
	for m, want := range map[plan.Metric]float64{plan.CPU: 10, plan.Rate: 10, plan.P50: 7, plan.P99: 9} {
		s := e.Series(m)
		require.Equal(t, want, s[0], m)
		require.True(t, math.IsNaN(s[1]), "disturbed")
		require.True(t, math.IsNaN(s[2]), "no replies")
	}
}
