//go:build linux

package run

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
)

var nan = math.NaN()

func TestDisturbedWindowsDoNotCount(t *testing.T) {
	w := Window{Result: load.Result{Tally: load.Tally{Replies: 10}, CPU: 100, Elapsed: time.Second, P50: 7, P99: 9}, Worst: 11}
	e := Entry{Windows: []Window{w, {Result: w.Result, Disturbed: true}, {}}}
	for m, want := range map[plan.Metric]float64{plan.CPU: 10, plan.Rate: 10, plan.P50: 7, plan.P99: 9, plan.Worst: 11} {
		s := e.Series(m)
		require.Equal(t, want, s[0], m)
		require.True(t, math.IsNaN(s[1]), "disturbed")
		require.True(t, math.IsNaN(s[2]), "no replies")
	}
}

func TestSummarize(t *testing.T) {
	xs := []float64{50, nan, 10, 30, 20, 40, 60}
	require.Equal(t, Summary{N: 6, Median: 35, Lower: 22.5, Upper: 47.5}, Summarize(xs))
	require.Equal(t, 50.0, xs[0], "the numbers are the caller's")

	require.Equal(t, Summary{N: 1, Median: 7, Lower: 7, Upper: 7}, Summarize([]float64{7}))
	none := Summarize([]float64{nan})
	require.Zero(t, none.N)
	require.True(t, math.IsNaN(none.Median) && math.IsNaN(none.Lower) && math.IsNaN(none.Upper))
}

// TestInterval: in nine draws of ten at least the median is inside, and with one
// number less on either side in fewer.
func TestInterval(t *testing.T) {
	lower, upper := Interval([]float64{nan, 3})
	require.Equal(t, []float64{3, 3}, []float64{lower, upper})
	lower, upper = Interval(nil)
	require.True(t, math.IsNaN(lower) && math.IsNaN(upper))

	rnd := rand.New(rand.NewPCG(1, 2))
	const draws = 4000
	for _, n := range []int{5, 15, 51} {
		has, inner := 0, 0
		for range draws {
			xs := make([]float64, n)
			for i := range xs {
				xs[i] = rnd.ExpFloat64()
			}
			lower, upper := Interval(xs)
			if lower <= math.Ln2 && math.Ln2 <= upper {
				has++
			}
			slices.Sort(xs)
			if i := slices.Index(xs, lower); xs[i+1] <= math.Ln2 && math.Ln2 <= xs[n-2-i] {
				inner++
			}
		}
		require.Greater(t, has, draws*89/100, "%d numbers", n)
		require.Less(t, inner, draws*91/100, "%d numbers", n)
	}
}

func TestRatiosAreByRound(t *testing.T) {
	r := Ratios([]float64{1, 4, nan, 3, 9}, []float64{2, 2, 1, 0})
	require.Len(t, r, 4)
	require.Equal(t, []float64{.5, 2}, r[:2])
	require.True(t, math.IsNaN(r[2]), "a round that one of them lacks")
	require.True(t, math.IsNaN(r[3]), "a round in which there is nothing to divide by")

	// A disturbance of a whole round is in none of the ratios, as it would be
	// in the ratio of the medians.
	calm, slow := []float64{10, 10, 30}, []float64{20, 60, 60}
	require.Equal(t, 2.0, Summarize(Ratios(slow, calm)).Median)
	require.Equal(t, 6.0, Summarize(slow).Median/Summarize(calm).Median)
}
