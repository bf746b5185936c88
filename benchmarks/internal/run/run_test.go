//go:build linux

package run

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) {
	Role() // the servers and the generator are this program
	if os.Getenv("GORACE") == "" {
		// With the race detector each of them would take a second to end.
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	labtest.Main(m)
}

// newRunner returns a runner of one round of short windows.
func newRunner(t *testing.T) *Runner {
	labtest.Need(t)
	require.NoError(t, Prepare())
	cpus, err := machine.CPUs()
	require.NoError(t, err)
	return &Runner{Rounds: 1, CPUs: cpus, Warm: time.Millisecond, Measure: 3 * time.Millisecond}
}

// scenario returns one with short windows and the entries of these labels, of all
// if there are none.
func scenario(t *testing.T, name string, labels ...string) plan.Scenario {
	all := plan.Scenarios()
	i := slices.IndexFunc(all, func(s plan.Scenario) bool { return s.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	s := all[i]
	s.Entries = slices.DeleteFunc(s.Entries, func(e plan.Entry) bool {
		return len(labels) > 0 && !slices.Contains(labels, e.Label)
	})
	for i := range s.Entries {
		s.Entries[i].Load.Measure = 0
	}
	return s
}

// TestRounds: each entry gets a window in each round, and rounds continue, as many at a
// time, for as long as More wants.
func TestRounds(t *testing.T) {
	r := newRunner(t)
	r.Rounds = 2
	var asked []int
	r.More = func(o *Outcome) bool {
		asked = append(asked, o.Rounds())
		return o.Rounds() < 6
	}
	o, err := r.Run(t.Context(), scenario(t, "one", plan.A, "dsrudp Server"))
	require.NoError(t, err)
	require.Equal(t, []int{2, 4, 6}, asked)
	require.Len(t, o.Entries, 2)
	for i := range o.Entries {
		e := &o.Entries[i]
		require.Len(t, e.Windows, 6)
		require.Positive(t, e.Windows[0].Replies)
		require.Positive(t, e.Windows[0].CPU)
		require.Positive(t, e.Windows[0].P50)
		replies, _ := e.Total()
		require.GreaterOrEqual(t, e.Datagrams, replies)
		require.False(t, math.IsNaN(e.Allocs()))
	}
	// All windows may be disturbed, and are not to be used then.
	if ratio := o.Entry("dsrudp Server").Ratio(plan.CPU, o.Entry(plan.A)); ratio.N > 0 {
		require.Positive(t, ratio.Median)
	}
}

// Every server answers in every scenario: from the right source, unless it is
// known not to, which is then noticed.
func TestEveryServerAnswers(t *testing.T) {
	r := newRunner(t)
	var err error
	if r.C, err = echo.BuildC(t.Context(), t.TempDir()); err != nil {
		require.ErrorIs(t, err, echo.ErrNoCompiler)
	}
	// A window is short, and on a busy machine over before an answer comes.
	r.More = func(o *Outcome) bool {
		return o.Rounds() < 100 && slices.ContainsFunc(o.Entries, func(e Entry) bool {
			replies, _ := e.Total()
			return replies == 0
		})
	}
	for _, name := range []string{"saturated", "clients64", "merge8", "gro4", "1200bytes", "fragments", "ipv6", "dual4", "dual6", "reuseport", "saturated-apart"} {
		t.Run(name, func(t *testing.T) {
			if strings.HasSuffix(name, plan.ApartSuffix) && len(r.CPUs) < 2 {
				t.Skip("the layout needs two processors")
			}
			s := scenario(t, name)
			for i := range s.Entries {
				if name == "clients64" { // more paths, some of which have one slot in the table of C
					s.Entries[i].Load.VIPs, s.Entries[i].Load.Clients = 3, 1000
				}
			}
			o, err := r.Run(t.Context(), s)
			require.NoError(t, err)
			for i := range o.Entries {
				e := &o.Entries[i]
				replies, _ := e.Total()
				require.Positive(t, replies, e.Label)
				require.Greater(t, e.All.Replies, e.Datagrams, "%s: the first ones", e.Label)
				require.Zero(t, e.All.WrongPayload, e.Label)
				require.Equal(t, e.Server.Wrong, e.All.WrongSource > 0, e.Label)
			}
		})
	}
}

// TestProbes: each is made while the server answers the generator.
func TestProbes(t *testing.T) {
	r := newRunner(t)
	for _, probe := range echo.Probes() {
		s := scenario(t, "neighbour-"+probe)
		s.Entries = slices.DeleteFunc(s.Entries, func(e plan.Entry) bool { return e.Server.Go.Procs != 2 || e.Server.Go.Sockets != 2 })
		o, err := r.Run(t.Context(), s)
		require.NoError(t, err)
		require.Len(t, o.Entries, 2*2)
		for i := range o.Entries {
			e := &o.Entries[i]
			w := e.Windows[0]
			require.Positive(t, w.P50, e.Label)
			require.GreaterOrEqual(t, w.P99, w.P50, e.Label)
			require.GreaterOrEqual(t, w.Worst, w.P99, e.Label)
			require.Positive(t, e.All.Replies, e.Label)
			require.Equal(t, e.Server.Wrong, e.All.WrongSource > 0, e.Label)
		}
	}
	_, err := echo.Probe("nothing", echo.Ready{}, 0)
	require.ErrorContains(t, err, `no probe is called "nothing"`)
	_, err = echo.Probe(echo.Health, echo.Ready{HTTP: 1}, 0)
	require.ErrorContains(t, err, echo.Health)
}

// TestPlaces: a processor of its own is one that the other is not on.
func TestPlaces(t *testing.T) {
	r := &Runner{CPUs: []int{3, 5}}
	for layout, want := range map[plan.Layout][2]machine.Place{
		plan.Shared: {{CPUs: []int{3}, Batch: true}, {CPUs: []int{3}, Batch: true}},
		plan.Apart:  {{CPUs: []int{3}}, {CPUs: []int{5}}},
		plan.Free:   {{CPUs: []int{3, 5}}, {CPUs: []int{3, 5}}},
	} {
		server, generator := r.places(layout)
		require.Equal(t, want, [2]machine.Place{server, generator}, layout)
	}
}

// TestMTU: it is changed for as long as a scenario takes.
func TestMTU(t *testing.T) {
	newRunner(t)
	mtu := func() int {
		lo, err := net.InterfaceByName("lo")
		require.NoError(t, err)
		return lo.MTU
	}
	before := mtu()
	restore, err := setMTU(1500)
	require.NoError(t, err)
	require.Equal(t, 1500, mtu())
	require.NoError(t, restore())
	require.Equal(t, before, mtu())
}

func TestWithoutACompiler(t *testing.T) {
	r := newRunner(t)
	o, err := r.Run(t.Context(), scenario(t, "gro16", plan.A, plan.CGRO))
	require.NoError(t, err)
	require.Len(t, o.Entries, 1)
	require.Nil(t, o.Entry(plan.CGRO))
	require.True(t, math.IsNaN(o.Entry(plan.A).Ratio(plan.CPU, o.Entry(plan.CGRO)).Median))

	t.Setenv("PATH", t.TempDir())
	_, err = echo.BuildC(t.Context(), t.TempDir())
	require.ErrorIs(t, err, echo.ErrNoCompiler)
}

// TestRunEnds: when a server does not start, and when the context does.
func TestRunEnds(t *testing.T) {
	r := newRunner(t)
	s := scenario(t, "one", plan.A)
	s.Entries[0].Server.Go.Name = "absent"
	_, err := r.Run(t.Context(), s)
	require.ErrorContains(t, err, "one: net AddrPort did not start")

	ctx, cancel := context.WithCancel(t.Context())
	r.More = func(*Outcome) bool { cancel(); return true }
	_, err = r.Run(ctx, scenario(t, "one", plan.A))
	require.ErrorIs(t, err, context.Canceled)
}

func TestMemory(t *testing.T) {
	labtest.Need(t)
	m, err := Memory(t.Context())
	require.NoError(t, err)
	require.Greater(t, m.Conn, 500)
	require.Greater(t, m.Reader, 2048, "a goroutine's stack at least")
}

// generatorOf returns one whose results these are, in order.
func generatorOf(t *testing.T, results ...load.Result) *generator {
	var b strings.Builder
	for _, r := range results {
		require.NoError(t, json.NewEncoder(&b).Encode(struct{ Result load.Result }{r}))
	}
	return &generator{Remote: load.NewRemote(strings.NewReader(b.String()), io.Discard)}
}

// TestEveryReplyCounts: also those before the first window and of tries that were not
// the best.
func TestEveryReplyCounts(t *testing.T) {
	self, err := os.FindProcess(os.Getpid())
	require.NoError(t, err)
	e := new(Entry)
	c := contestant{&server{process: &process{cmd: &exec.Cmd{Process: self}}}, e}
	r := new(Runner)

	require.NoError(t, r.prime(generatorOf(t, load.Result{All: load.Tally{Replies: 10, WrongSource: 1}}), c))
	require.Equal(t, load.Tally{Replies: 10, WrongSource: 1}, e.All)
	require.Zero(t, e.Datagrams)

	disturbed := load.Result{
		Tally: load.Tally{Replies: 90, WrongSource: 2}, All: load.Tally{Replies: 100, WrongSource: 3, WrongPayload: 1},
		Elapsed: time.Second, Steal: time.Second,
	}
	good := load.Result{Tally: load.Tally{Replies: 90}, All: load.Tally{Replies: 100}, Elapsed: time.Second, Own: time.Second}
	w, err := r.window(plan.Scenario{}, generatorOf(t, disturbed, disturbed, good), c)
	require.NoError(t, err)
	require.Zero(t, w.WrongSource, "the best try")
	require.Equal(t, 300, e.Datagrams)
	require.Equal(t, load.Tally{Replies: 310, WrongSource: 7, WrongPayload: 2}, e.All)
}
