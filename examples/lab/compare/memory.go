//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
)

const memoryAsks = "1, 1 000 and 100 000 clients, each with an address of its own, ask and are answered (the naive program on the machine's own address). " +
	"Counted are the connections that the kernel of the server's host tracks, and by how much the kernel's unreclaimable slabs grow (SUnreclaim of /proc/meminfo), for each client. " +
	"SUnreclaim is the whole machine's: each repair is weighed twice or more, and told is the mean of its runs. After ± stands by how much they differ or, if that is more, by how much the number strayed at most in four runs of a program for which the kernel keeps nothing; all runs count. Where that is as much as a connection takes, it is not measurable. " +
	"It is met if no connection is tracked, and the slabs do not grow in each of up to four runs by 8 bytes for each of the clients that are most, as nothing that a slab holds is smaller, and by the noise besides. So a busy machine blurs the bytes, and only the connections tell."

// smallest is the size of the smallest object in a slab, and connection about what
// a tracked connection takes.
const (
	smallest   = 8
	connection = 256
)

// Numbers of runs. Something else on the machine may disturb one; what the kernel
// keeps for clients, it keeps in all of them.
const (
	controls = 4 // by which the noise is measured, after one for what the kernel makes once
	repeats  = 2 // of a repair
	mostRuns = 4 // of one for which memory grows and no connection is tracked
)

// A weight is what a crowd of a size takes.
type weight struct {
	clients int
	entries int   // connections tracked
	slab    int64 // bytes by which the slabs have grown
}

// A run has the weights of a growing crowd, what the program's heap had grown by
// for each client in the end, and what was at work.
type memoryRun struct {
	weights []weight
	heap    float64
	work    string
}

// most is the weight of the largest crowd.
func (r memoryRun) most() weight { return r.weights[len(r.weights)-1] }

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
	var control []memoryRun
	for range controls {
		r, err := weigh(naive)
		if err != nil {
			return fmt.Errorf("compare: measuring the noise: %w", err)
		}
		control = append(control, r)
	}
	noise := noiseOf(control)
	for i, t := range ts {
		tried, err := runs(noise, func() (memoryRun, error) { return weigh(t.repair) })
		if err != nil {
			found(i, failed(err))
			continue
		}
		f := memoryFinding(tried, noise, entrySize())
		f.work = []string{tried[0].work}
		found(i, noted(t.repair, f))
	}
	return nil
}

// runs returns so many runs of a repair that they settle whether the kernel keeps
// anything, or the most that are tried.
func runs(noise []float64, weigh func() (memoryRun, error)) (all []memoryRun, err error) {
	for len(all) < repeats || len(all) < mostRuns && all[0].most().entries == 0 && grown(all, noise) {
		r, err := weigh()
		if err != nil {
			return nil, err
		}
		all = append(all, r)
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
	r.work, err = work(s.server.conns, s.pair.server)
	return r, err
}
