//go:build linux

package compare

import (
	"fmt"
	"math"
	"os"
)

// noiseOf returns by how many bytes the slabs strayed at most, for each size of
// the crowd, in runs in which nothing is kept, all of which count: to leave out
// those that strayed would be to choose the noise. Slabs are counted in pages: what is
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

// grown says that the slabs grew in all runs by more than the noise, and so much
// that it may be an object for each client.
func grown(tried []memoryRun, noise []float64) bool {
	for _, r := range tried {
		if w := r.most(); float64(w.slab)-noise[len(noise)-1] < float64(smallest*w.clients) {
			return false
		}
	}
	return true
}

// memoryFinding judges the runs of a repair. The noise is that of the control, in
// bytes, one for each size of the crowd; entry is the size of a tracked connection,
// or 0 if it is not known.
func memoryFinding(tried []memoryRun, noise []float64, entry int) finding {
	f := finding{verdict: Met, numbers: make(map[string]float64)}
	var sizes, entries, each []string
	var bytes, stray float64 // for each client, in the end of those that are most
	all, most := true, 0
	for i, w := range tried[0].weights {
		slab, noise := meanAndStray(tried, i, noise[i])
		n := w.entries
		for _, r := range tried {
			n = max(n, r.weights[i].entries)
			all = all && r.weights[i].entries == w.clients
		}
		f.numbers[fmt.Sprintf("entries of %d", w.clients)] = float64(n)
		f.numbers[fmt.Sprintf("slab bytes of %d", w.clients)] = slab
		f.numbers[fmt.Sprintf("noise bytes of %d", w.clients)] = noise
		bytes, stray, most = slab/float64(w.clients), noise/float64(w.clients), n
		sizes, entries, each = append(sizes, thousands(w.clients)), append(entries, thousands(n)), append(each, perClient(bytes, stray))
	}
	var heap float64
	for _, r := range tried {
		heap += r.heap / float64(len(tried))
	}
	f.numbers["heap bytes per client"], f.numbers["kernel bytes per client"], f.numbers["noise bytes per client"] = heap, bytes, stray
	f.says = fmt.Sprintf("%s connections tracked for %s clients; the kernel's slabs grew by %s B for each, the program's heap by %s B; the mean of %d runs",
		enumerate(entries), enumerate(sizes), enumerate(each), rounded(heap, 0), len(tried))
	if most > 0 && entry > 0 {
		f.numbers["bytes of an entry"] = float64(entry)
		f.says += fmt.Sprintf("; the kernel's object for a connection takes %d B", entry)
	}
	if most > 0 || grown(tried, noise) {
		f.verdict = NotMet
	}
	if f.short = fmt.Sprintf("%s±%.0f B", rounded(bytes, 0), math.Ceil(stray)); stray >= connection {
		f.short = fmt.Sprintf("entries: %d", most/tried[0].most().clients)
	}
	if most == 0 && stray >= smallest {
		f.says += "; the machine is too busy to tell by the slabs, which leaves the number of connections"
	}
	// An entry takes memory: what the slabs did must not rule that out.
	if all && bytes+stray >= smallest {
		f.happened = []string{"a connection for each client"}
	}
	return f
}

// meanAndStray returns by how many bytes the slabs grew for one size of the crowd,
// and how far that may be off: by the noise or, if that is more, by how much the
// runs differ.
func meanAndStray(tried []memoryRun, size int, noise float64) (mean, stray float64) {
	least, largest := math.Inf(1), math.Inf(-1)
	for _, r := range tried {
		slab := float64(r.weights[size].slab)
		least, largest, mean = min(least, slab), max(largest, slab), mean+slab/float64(len(tried))
	}
	return mean, max(noise, largest-least)
}

// perClient writes bytes and how far they may be off, with a digit after the point
// where that says something, and no bytes where a connection more or less would not
// be seen.
func perClient(bytes, stray float64) string {
	digits := 0
	switch {
	case stray >= connection:
		return fmt.Sprintf("(not measurable: ±%s)", rounded(stray, 0))
	case stray < 10:
		digits = 1
	}
	return fmt.Sprintf("%s±%s", rounded(bytes, digits), rounded(stray, digits))
}

// rounded writes a number with so many digits after the point, and never as -0.
func rounded(n float64, digits int) string {
	p := math.Pow10(digits)
	return fmt.Sprintf("%.*f", digits, math.Round(n*p)/p+0)
}
