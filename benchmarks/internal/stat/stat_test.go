package stat_test

import (
	"math"
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
