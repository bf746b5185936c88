//go:build linux

package compare

import (
	"fmt"
	"slices"
)

// cpuMost is the ratio up to which the question is met: what is asked of a
// repair is that it be no reason to buy machines.
const cpuMost = 1.5

// The naive program is measured twice, and against itself, which has to come to
// about 1, or no other ratio is worth anything.
const controlLeast, controlMost = 0.9, 1.1

// quartiles are of what a lane's rounds came to.
type quartiles struct{ lower, median, upper float64 }

func quartilesOf(xs []float64) quartiles {
	slices.Sort(xs)
	n := len(xs)
	return quartiles{xs[n/4], xs[n/2], xs[(3*n)/4]}
}

// digits returns how many digits after the point say something: the second does
// not where half of the rounds are spread over more than a tenth.
func (q quartiles) digits() int {
	if q.upper-q.lower > 0.1 {
		return 1
	}
	return 2
}

// cpuFinding judges the ratio of a repair, which took so many microseconds.
func cpuFinding(r Repair, ratio, cost quartiles, rounds int) finding {
	d := ratio.digits()
	f := finding{
		verdict: verdict(ratio.median <= cpuMost),
		says: fmt.Sprintf("%.*f times the naive program's on its own address (half of the %d rounds between %.2f and %.2f; %.1f µs a datagram here)",
			d, ratio.median, rounds, ratio.lower, ratio.upper, cost.median),
		short: fmt.Sprintf("%.*f×", d, ratio.median),
		numbers: map[string]float64{
			"ratio": ratio.median, "lower quartile": ratio.lower, "upper quartile": ratio.upper,
			"microseconds": cost.median, "rounds": float64(rounds),
		},
	}
	if r.ID == None && (ratio.median < controlLeast || ratio.median > controlMost) {
		f.verdict = Failed
		f.says += fmt.Sprintf("; as this is that program itself, it has to come to %.1f to %.1f: the machine is too busy to measure, repeat it", controlLeast, controlMost)
	}
	return noted(r, f)
}
