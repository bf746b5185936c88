//go:build linux

package compare

import (
	"fmt"
	"math"
	"os"
)

// noiseOf returns by how many bytes the slabs strayed at most, for each size of
// the crowd, in runs in which nothing is kept. Slabs are counted in pages: what is
// smaller than one cannot be seen.
func noiseOf(runs []memoryRun) []float64 {
	noise := make([]float64, len(runs[0].weights))
	for i := range noise {
		noise[i] = float64(os.Getpagesize())
		for _, run := range runs {
			noise[i] = max(noise[i], math.Abs(float64(run.weights[i].slab)))
		}
	}
	return noise
}

// memoryFinding judges the runs of a repair, of which there are several if none was
// quiet: then by how much they differ is noise too. The noise is in bytes, one for
// each size of the crowd.
func memoryFinding(tried []memoryRun, noise []float64) finding {
	r, least, largest := tried[0], tried[0].most().slab, tried[0].most().slab
	for _, other := range tried[1:] {
		least, largest = min(least, other.most().slab), max(largest, other.most().slab)
		if math.Abs(other.most().perClient()) < math.Abs(r.most().perClient()) {
			r = other
		}
	}
	f := finding{numbers: map[string]float64{"heap bytes per client": r.heap}}
	var sizes, entries, each []string
	all := true
	for i, w := range r.weights {
		f.numbers[fmt.Sprintf("entries of %d", w.clients)] = float64(w.entries)
		f.numbers[fmt.Sprintf("slab bytes of %d", w.clients)] = float64(w.slab)
		f.numbers[fmt.Sprintf("noise bytes of %d", w.clients)] = noise[i]
		sizes, entries = append(sizes, thousands(w.clients)), append(entries, thousands(w.entries))
		each = append(each, perClient(w.perClient(), noise[i]/float64(w.clients)))
		all = all && w.entries == w.clients
	}
	slab, stray := r.most().perClient(), max(noise[len(noise)-1], float64(largest-least))/float64(r.most().clients)
	f.numbers["kernel bytes per client"], f.numbers["noise bytes per client"] = slab, stray
	f.short = fmt.Sprintf("%s±%.0f B", rounded(slab, 0), math.Ceil(stray))
	f.says = fmt.Sprintf("%s connections tracked for %s clients; the kernel's slabs grew by %s B for each, the program's heap by %s B",
		enumerate(entries), enumerate(sizes), enumerate(each), rounded(r.heap, 0))
	if len(tried) > 1 {
		f.says += fmt.Sprintf(", in the run that changed least of %d, which differ by %s B", len(tried), rounded(stray, 0))
	}
	switch {
	case r.most().entries > 0 || slab-stray >= smallest:
		f.verdict = NotMet
	case math.Abs(slab)+stray >= smallest:
		f.verdict = Failed
		f.says += "; that is too much noise to tell whether anything is kept: repeat it on an idle machine"
	default:
		f.verdict = Met
	}
	if all && slab-stray >= smallest {
		f.happened = []string{"a connection for each client"}
	}
	return f
}

// perClient writes bytes and how far they may be off, with a digit after the point
// where that says something.
func perClient(bytes, stray float64) string {
	digits := 0
	if stray < 10 {
		digits = 1
	}
	return fmt.Sprintf("%s±%s", rounded(bytes, digits), rounded(stray, digits))
}

// rounded writes a number with so many digits after the point, and never as -0.
func rounded(n float64, digits int) string {
	p := math.Pow10(digits)
	return fmt.Sprintf("%.*f", digits, math.Round(n*p)/p+0)
}
