//go:build linux

package compare

import (
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) {
	text.DisableColors() // as where stdout is not a terminal
	labtest.Main(m)
}

// little is an effort that shows that measurements work, and no more.
var little = effort{rounds: 10, crowd: []int{1, 10, 1000}, table: 1000, slabs: slabs}

// compared runs a part of the comparison.
func compared(t *testing.T, repairs, questions []string) *Result {
	t.Helper()
	labtest.Need(t)
	r, err := Run(t.Context(), Options{Repairs: repairs, Questions: questions, Bound: patience, effort: &little})
	require.NoError(t, err)
	require.Len(t, r.Cells, len(repairs)*len(questions))
	return r
}

// patience bounds the wait for what is to come, and lossBound where something is
// to be lost, for which it is waited in full.
const (
	patience  = 10 * time.Second
	lossBound = 2 * time.Second
)

// sample is a result as a whole run gives it, without the run.
func sample() *Result {
	r := &Result{Repairs: repairs(), Questions: questions()}
	for _, q := range r.Questions {
		for _, p := range r.Repairs {
			e := expectations[q.ID][p.ID]
			c := Cell{Repair: p.ID, Question: q.ID, Verdict: e.verdict, Says: "as <expected> | of it", Expected: e.verdict, Why: e.why}
			if c.Verdict == "" {
				c.Verdict = Met
			}
			switch q.ID {
			case "cpu":
				c.Short, c.Numbers = "1.25×", map[string]float64{"ratio": 1.25}
			case "memory":
				c.Short, c.Numbers = "0±11 B", map[string]float64{"entries of 100000": 100_000, "slab bytes of 100000": -1}
				if p.stateful {
					c.Short = "256±11 B"
				}
			case "one-port", "one-port-direct":
				if p.stateful {
					c.Short = "port rewritten"
				}
			case "change":
				c.Short, c.Numbers = "36", map[string]float64{"lines": 36}
			}
			if p.ID == None && q.askAll != nil {
				c.Short = strings.TrimPrefix(c.Short+", own address", ", ")
			}
			r.Cells = append(r.Cells, c)
		}
	}
	return r
}

// Every cell of the table has a place for what has to come of it, but for those
// that are only measured; and no expectation is of nothing.
func TestExpectations(t *testing.T) {
	var ids []string
	for _, r := range repairs() {
		ids = append(ids, r.ID)
	}
	missing := 0
	for _, q := range questions() {
		require.NotEmpty(t, expectations[q.ID], q.ID)
		require.NotEmpty(t, q.Asks)
		require.NotEqual(t, q.ask == nil, q.askAll == nil, q.ID)
		for id, e := range expectations[q.ID] {
			require.Contains(t, ids, id)
			require.NotEmpty(t, e.why)
			require.True(t, e.verdict == Met || len(e.seen) > 0, "%s, %s: it is not said how it fails", q.ID, id)
		}
		require.Equal(t, Met, expectations[q.ID][DSRUDP].verdict, q.ID)
		missing += len(ids) - len(expectations[q.ID])
	}
	require.Equal(t, 9, missing, "processor time of six repairs, and lines of three")
	require.Len(t, expectations, len(questions()))
}
