//go:build linux

package run

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
)

// generatorOf returns one that has seen these results, in order.
func generatorOf(t *testing.T, results ...load.Result) *generator {
	var b strings.Builder
	for _, r := range results {
		require.NoError(t, json.NewEncoder(&b).Encode(struct{ Result load.Result }{r}))
	}
	return &generator{Remote: load.NewRemote(strings.NewReader(b.String()), io.Discard)}
}

// TestEveryReplyCounts: wrong sources are counted of what no window has, before
// the first one and in tries that were not the best.
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
