//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
)

const memoryAsks = "1, 1 000 and 100 000 clients, each with an address of its own, ask and are answered (the naive program on the machine's own address). " +
	"Counted are the connections that the kernel of the server's host tracks, and by how much the kernel's unreclaimable slabs grow (SUnreclaim of /proc/meminfo), for each client. " +
	"SUnreclaim is the whole machine's, which has to be idle: how far it strays by itself is measured before, with a program for which the kernel keeps nothing, and stands after ±. " +
	"It is met if no connection is tracked and the slabs grow by less than 8 bytes for each of the clients that are most, as nothing that a slab holds is smaller; it fails if that cannot be told from the noise."

// smallest is the size of the smallest object in a slab.
const smallest = 8

// controls is the number of runs by which the noise is measured, after one more
// for which the kernel makes what it will need again.
const controls = 3

// A weight is what a crowd of a size takes.
type weight struct {
	clients int
	entries int   // connections tracked
	slab    int64 // bytes by which the slabs have grown
}

// memory measures one repair after the other, and ends none before the last is
// measured: the kernel frees in its own time.
func memory(ctx context.Context, ts []*trial, found func(int, finding)) (err error) {
	var stands []*stand
	defer func() {
		for _, s := range stands {
			err = errors.Join(err, s.close())
		}
	}()
	weigh := func(r Repair, e effort) ([]weight, float64, error) {
		s, err := newStand(r)
		stands = append(stands, s)
		if err != nil {
			return nil, 0, err
		}
		return s.weigh(ctx, e)
	}
	var runs [][]weight
	for range 1 + controls {
		run, _, err := weigh(repairs()[0], ts[0].effort) // also where it is not among those asked
		if err != nil {
			return fmt.Errorf("compare: measuring the noise: %w", err)
		}
		runs = append(runs, run)
	}
	noise := noiseOf(runs[1:])
	for i, t := range ts {
		weights, heap, err := weigh(t.repair, t.effort)
		if err != nil {
			found(i, failed(err))
			continue
		}
		f := memoryFinding(weights, noise, heap)
		f.says += standNote(t.repair)
		found(i, f)
	}
	return nil
}

// weigh lets the crowd grow and sees what that takes of the kernel's slabs and,
// for each client in the end, of the program's heap.
func (s *stand) weigh(ctx context.Context, e effort) (weights []weight, heap float64, err error) {
	before, err := steady(ctx, e.slabs)
	if err != nil {
		return nil, 0, err
	}
	heapBefore, asked := heapInUse(), 0
	for _, size := range e.crowd {
		if err := s.ask(ctx, asked, size); err != nil {
			return nil, 0, err
		}
		asked = size
		n, err := tracked(s.pair.server)
		if err != nil {
			return nil, 0, err
		}
		now, err := steady(ctx, e.slabs)
		if err != nil {
			return nil, 0, err
		}
		weights = append(weights, weight{size, n, now - before})
	}
	return weights, float64(heapInUse()-heapBefore) / float64(asked), nil
}

// noiseOf returns by how many bytes the slabs strayed at most, for each size of
// the crowd, in runs in which nothing is kept. Slabs are counted in pages: what is
// smaller than one cannot be seen.
func noiseOf(runs [][]weight) []float64 {
	noise := make([]float64, len(runs[0]))
	for i := range noise {
		noise[i] = float64(os.Getpagesize())
		for _, run := range runs {
			noise[i] = max(noise[i], math.Abs(float64(run[i].slab)))
		}
	}
	return noise
}

// memoryFinding judges what was weighed. The noise is in bytes, one for each
// weight, and the heap for each client.
func memoryFinding(weights []weight, noise []float64, heap float64) finding {
	f := finding{numbers: map[string]float64{"heap bytes per client": heap}}
	var sizes, entries, each []string
	tracked, all := false, true
	for i, w := range weights {
		clients := float64(w.clients)
		f.numbers[fmt.Sprintf("entries of %d", w.clients)] = float64(w.entries)
		f.numbers[fmt.Sprintf("slab bytes of %d", w.clients)] = float64(w.slab)
		f.numbers[fmt.Sprintf("noise bytes of %d", w.clients)] = noise[i]
		sizes, entries = append(sizes, thousands(w.clients)), append(entries, thousands(w.entries))
		each = append(each, perClient(float64(w.slab)/clients, noise[i]/clients))
		tracked, all = tracked || w.entries > 0, all && w.entries == w.clients
	}
	most := len(weights) - 1
	slab, stray := float64(weights[most].slab)/float64(weights[most].clients), noise[most]/float64(weights[most].clients)
	f.numbers["kernel bytes per client"], f.numbers["noise bytes per client"] = slab, stray
	f.short = fmt.Sprintf("%s±%.0f B", rounded(slab, 0), math.Ceil(stray))
	f.says = fmt.Sprintf("%s connections tracked for %s clients; the kernel's slabs grew by %s B for each, the program's heap by %s B",
		enumerate(entries), enumerate(sizes), enumerate(each), rounded(heap, 0))
	switch {
	case tracked || slab-stray >= smallest:
		f.verdict = NotMet
	case slab+stray >= smallest:
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
