package stat_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/stat"
)

var nan = math.NaN()

func TestSummarize(t *testing.T) {
	xs := []float64{5, nan, 1, 3, 2, 4}
	s := stat.Summarize(xs)
	require.Equal(t, stat.Summary{N: 5, Median: 3, Lower: 2, Upper: 4}, s)
	require.Equal(t, 5.0, xs[0], "the numbers are the caller's")

	require.Equal(t, stat.Summary{N: 1, Median: 7, Lower: 7, Upper: 7}, stat.Summarize([]float64{7}))
	none := stat.Summarize([]float64{nan})
	require.Zero(t, none.N)
	require.True(t, math.IsNaN(none.Median) && math.IsNaN(none.Lower) && math.IsNaN(none.Upper))
}

func TestQuantile(t *testing.T) {
	sorted := []float64{10, 20, 30, 40}
	for q, want := range map[float64]float64{0: 10, .25: 17.5, .5: 25, .75: 32.5, 1: 40} {
		require.InDelta(t, want, stat.Quantile(sorted, q), 1e-9, "quantile %v", q)
	}
}

// TestInterval: of nine draws out of ten at least it has the median in it, and with
// one number less on either side of fewer.
func TestInterval(t *testing.T) {
	lower, upper := stat.Interval([]float64{nan, 3})
	require.Equal(t, []float64{3, 3}, []float64{lower, upper})
	lower, upper = stat.Interval(nil)
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
			lower, upper := stat.Interval(xs)
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
	r := stat.Ratios([]float64{1, 4, nan, 3, 9}, []float64{2, 2, 1, 0})
	require.Len(t, r, 4)
	require.Equal(t, []float64{.5, 2}, r[:2])
	require.True(t, math.IsNaN(r[2]), "a round that one of them lacks")
	require.True(t, math.IsNaN(r[3]), "a round in which there is nothing to divide by")

	// A disturbance of a whole round is in none of the ratios, as it would be
	// in the ratio of the medians.
	calm, slow := []float64{10, 10, 30}, []float64{20, 60, 60}
	require.Equal(t, 2.0, stat.Summarize(stat.Ratios(slow, calm)).Median)
	require.Equal(t, 6.0, stat.Summarize(slow).Median/stat.Summarize(calm).Median)
}
