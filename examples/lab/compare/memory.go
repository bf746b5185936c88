//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
)

const memoryAsks = "1, 1 000 and 100 000 clients, each with an address of its own, ask and are answered (the naive program on the machine's own address). " +
	"Counted are the connections that the kernel of the server's host tracks, and by how much the kernel's unreclaimable slabs grow (SUnreclaim of /proc/meminfo), for each client. " +
	"SUnreclaim is the whole machine's, which has to be idle: how far it strays by itself is measured before, with a program for which the kernel keeps nothing, and stands after ±. " +
	"It is met if no connection is tracked and the slabs grow by less than 8 bytes for each of the clients that are most, as nothing that a slab holds is smaller, in one of up to four runs. It fails if that cannot be told from the noise."

// smallest is the size of the smallest object in a slab.
const smallest = 8

// Numbers of runs. Something else on the machine may disturb one; what the kernel
// keeps for clients, it keeps in all of them.
const (
	controls    = 3 // by which the noise is measured, after one for what the kernel makes once
	mostControl = 6 // with those that were disturbed
	mostRuns    = 4 // of a repair
)

// A weight is what a crowd of a size takes.
type weight struct {
	clients int
	entries int   // connections tracked
	slab    int64 // bytes by which the slabs have grown
}

// perClient returns the bytes for each client.
func (w weight) perClient() float64 { return float64(w.slab) / float64(w.clients) }

// A run has the weights of a growing crowd, and what the program's heap had grown
// by for each client in the end.
type memoryRun struct {
	weights []weight
	heap    float64
}

// most is the weight of the largest crowd.
func (r memoryRun) most() weight { return r.weights[len(r.weights)-1] }

// quiet says that the slabs did not change by half as much as an object for each
// client would take, which leaves the other half to the noise.
func (r memoryRun) quiet() bool { return math.Abs(r.most().perClient()) < smallest/2 }

// memory measures one repair after the other, and ends none before the last is
// measured: the kernel frees in its own time.
func memory(ctx context.Context, ts []*trial, found func(int, finding)) (err error) {
	var stands []*stand
	defer func() {
		for _, s := range stands {
			err = errors.Join(err, s.close())
		}
	}()
	weigh := func(r Repair) (memoryRun, error) {
		s, err := newStand(r)
		stands = append(stands, s)
		if err != nil {
			return memoryRun{}, err
		}
		return s.weigh(ctx, ts[0].effort)
	}
	naive := repairs()[0] // also where it is not among those asked
	if _, err = weigh(naive); err != nil {
		return err
	}
	control, err := runs(controls, mostControl, func() (memoryRun, error) { return weigh(naive) })
	if err != nil {
		return fmt.Errorf("compare: measuring the noise: %w", err)
	}
	noise := noiseOf(control)
	for i, t := range ts {
		tried, err := runs(1, mostRuns, func() (memoryRun, error) { return weigh(t.repair) })
		if err != nil {
			found(i, failed(err))
			continue
		}
		f := memoryFinding(tried, noise)
		f.says += standNote(t.repair)
		found(i, f)
	}
	return nil
}

// runs returns as many runs as wanted that settle something: quiet ones, or ones
// in which connections were tracked. If there are not so many among the most that
// are tried, it returns all.
func runs(wanted, most int, weigh func() (memoryRun, error)) (all []memoryRun, err error) {
	var settled []memoryRun
	for len(settled) < wanted && len(all) < most {
		r, err := weigh()
		if err != nil {
			return nil, err
		}
		all = append(all, r)
		if r.quiet() || r.most().entries > 0 {
			settled = append(settled, r)
		}
	}
	if len(settled) == wanted {
		return settled, nil
	}
	return all, nil
}

// weigh lets the crowd grow and sees what that takes of the kernel's slabs and,
// for each client in the end, of the program's heap.
func (s *stand) weigh(ctx context.Context, e effort) (r memoryRun, err error) {
	before, err := steady(ctx, e.slabs)
	if err != nil {
		return r, err
	}
	heapBefore, asked := heapInUse(), 0
	for _, size := range e.crowd {
		if err := s.ask(ctx, asked, size); err != nil {
			return r, err
		}
		asked = size
		n, err := tracked(s.pair.server)
		if err != nil {
			return r, err
		}
		now, err := steady(ctx, e.slabs)
		if err != nil {
			return r, err
		}
		r.weights = append(r.weights, weight{size, n, now - before})
	}
	r.heap = float64(heapInUse()-heapBefore) / float64(asked)
	return r, nil
}
