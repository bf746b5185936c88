// Package stat has the statistics that results are told in.
package stat

import (
	"math"
	"slices"
)

// A Summary is the middle of a set of numbers and where half of them lie.
type Summary struct {
	N            int     `json:"n"`
	Median       float64 `json:"median"`
	Lower, Upper float64 // quartiles
}

// Summarize summarizes xs, which it leaves alone. NaNs do not count; without
// numbers all of the summary is NaN.
func Summarize(xs []float64) Summary {
	s := slices.Clone(xs)
	s = slices.DeleteFunc(s, math.IsNaN)
	slices.Sort(s)
	return Summary{len(s), Quantile(s, .5), Quantile(s, .25), Quantile(s, .75)}
}

// Quantile returns the q-quantile of sorted numbers, between two of them by
// their distance from it.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// Ratios divides the numbers of two series round by round. Where either of them
// is missing (NaN), or b is zero, the ratio is NaN. What disturbs the machine in
// a round disturbs both, so that the ratio is steadier than either.
func Ratios(a, b []float64) []float64 {
	r := make([]float64, min(len(a), len(b)))
	for i := range r {
		if r[i] = a[i] / b[i]; math.IsInf(r[i], 0) {
			r[i] = math.NaN()
		}
	}
	return r
}
