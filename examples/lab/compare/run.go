//go:build linux

package compare

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options say what to compare. The zero value is all of it.
type Options struct {
	// Repairs and Questions are the IDs of those wanted; none means all.
	Repairs, Questions []string

	// Bound is how long to wait for answers of which nothing is seen; zero
	// means four seconds.
	Bound time.Duration

	// Progress, if it is not nil, is called for each cell that is done, with how
	// many of how many are, and before a measurement that takes some time. It is
	// called by one goroutine at a time.
	Progress func(done, all int, what string)

	effort *effort // nil means all of it
}

// An effort is how much is measured. Tests of the package make do with less.
type effort struct {
	rounds  int                   // of windows of processor time
	clients []int                 // the numbers of clients whose memory is measured
	table   int                   // connections that fill the table; 0 means what it holds
	slabs   func() (int64, error) // how the kernel's memory is read
}

var wholeEffort = effort{rounds: 400, clients: []int{1, 1_000, 100_000}, slabs: slabs}

const defaultBound = 4 * time.Second

// atOnce is the number of labs at the same time.
const atOnce = 6

// Run compares.
func Run(ctx context.Context, o Options) (*Result, error) {
	rs := repairs()
	if err := o.Check(); err != nil {
		return nil, err
	}
	if err := useTools(rs); err != nil {
		return nil, err
	}
	return run(ctx, o, rs, questions())
}

// Check returns an error if there is no repair or question of a name that is given.
func (o Options) Check() error {
	var repairIDs, questionIDs []string
	for _, r := range repairs() {
		repairIDs = append(repairIDs, r.ID)
	}
	for _, q := range questions() {
		questionIDs = append(questionIDs, q.ID)
	}
	for _, w := range o.Repairs {
		if !slices.Contains(repairIDs, w) {
			return fmt.Errorf("compare: repair %q: it is one of %s", w, strings.Join(repairIDs, ", "))
		}
	}
	for _, w := range o.Questions {
		if !slices.Contains(questionIDs, w) {
			return fmt.Errorf("compare: question %q: it is one of %s", w, strings.Join(questionIDs, ", "))
		}
	}
	return nil
}

// run puts all questions to all repairs: first those that can be put at the same
// time, then the measurements. A question that cannot be put fails for itself. An
// error says that ctx has ended.
func run(ctx context.Context, o Options, rs []Repair, qs []Question) (*Result, error) {
	start := time.Now()
	if o.Bound == 0 {
		o.Bound = defaultBound
	}
	if o.effort == nil {
		o.effort = &wholeEffort
	}
	allRepairs, allQuestions := len(rs), len(qs)
	rs = slices.DeleteFunc(rs, func(r Repair) bool { return len(o.Repairs) > 0 && !slices.Contains(o.Repairs, r.ID) })
	qs = slices.DeleteFunc(qs, func(q Question) bool { return len(o.Questions) > 0 && !slices.Contains(o.Questions, q.ID) })
	res := &Result{Machine: thisMachine(), Repairs: rs, Questions: qs, Cells: make([]Cell, len(qs)*len(rs))}
	if len(rs) < allRepairs || len(qs) < allQuestions {
		res.Part = fmt.Sprintf("%d of %d repairs, %d of %d questions", len(rs), allRepairs, len(qs), allQuestions)
	}
	var ts []*trial
	for _, r := range rs {
		ts = append(ts, &trial{repair: r, bound: o.Bound, effort: *o.effort})
	}

	var mu sync.Mutex
	done := 0
	show := func(n int, format string, words ...any) {
		mu.Lock()
		defer mu.Unlock()
		if done += n; o.Progress != nil {
			o.Progress(done, len(res.Cells), fmt.Sprintf(format, words...))
		}
	}
	var labs errgroup.Group
	labs.SetLimit(atOnce)
	for i := range res.Cells {
		q, t := qs[i/len(ts)], ts[i%len(ts)]
		if q.ask == nil {
			continue
		}
		labs.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			c, err := q.ask(ctx, t)
			if err != nil {
				c = failed(err)
			}
			res.Cells[i] = q.judge(t.repair, c)
			show(1, "%s: %s", q.Title, t.repair.Name)
			return nil
		})
	}
	_ = labs.Wait() // none returns an error
	for i, q := range qs {
		if q.measure == nil || ctx.Err() != nil {
			continue
		}
		show(0, "%s", q.Title)
		cells, err := q.measure(ctx, ts)
		for k, t := range ts {
			switch {
			case err != nil: // what was found before is not worth more than with ask
				res.Cells[i*len(ts)+k] = q.judge(t.repair, failed(err))
			default:
				res.Cells[i*len(ts)+k] = q.judge(t.repair, cells[k])
			}
		}
		show(len(ts), "%s", q.Title)
	}
	res.Machine.Seconds = time.Since(start).Seconds()
	return res, ctx.Err()
}

// judge completes the cell of a question and a repair.
func (q Question) judge(r Repair, c Cell) Cell {
	e := q.expected(r.ID)
	c.Repair, c.Question, c.Expected, c.Why = r.ID, q.ID, e.verdict, e.why
	if c.Differs == "" {
		c.Differs = e.differs(c)
	}
	return c
}
