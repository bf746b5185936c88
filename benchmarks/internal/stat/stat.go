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

// Interval returns the closest two of xs between which the median of what xs were
// drawn from lies at least nine times out of ten, however that is distributed. With
// fewer than five numbers none are so sure: it is the outermost then. Without numbers
// they are NaN.
func Interval(xs []float64) (lower, upper float64) {
	s := slices.DeleteFunc(slices.Clone(xs), math.IsNaN)
	slices.Sort(s)
	n := len(s)
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	// The lower one is beyond the median if no more than those before it, and it
	// would fall below: as likely as so few heads of n coins.
	before := 0
	heads := math.Pow(.5, float64(n))
	for sum := heads; ; before++ {
		heads *= float64(n-before) / float64(before+1)
		if sum += heads; 2*sum > .1 {
			break
		}
	}
	return s[before], s[n-1-before]
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
