//go:build linux

package compare

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options say what to compare. The zero value is all of it.
type Options struct {
	// Repairs and Questions are the IDs of those wanted; none means all.
	Repairs, Questions []string

	// Bound is how long to wait for answers of which nothing is heard; zero
	// means four seconds.
	Bound time.Duration

	// Progress, if it is not nil, is told of each cell, how many of how many are
	// done, and before a measurement that takes some time what it is. It is
	// called by one goroutine at a time.
	Progress func(done, all int, what string)

	effort *effort // nil means all of it
}

// An effort is how much is measured. Tests of the package make do with less.
type effort struct {
	rounds int   // of windows of processor time
	crowd  []int // the numbers of clients whose memory is weighed
	table  int   // connections that fill the table; 0 means what it holds

	slabs func() (int64, error) // how the kernel's memory is read
}

var wholeEffort = effort{rounds: 400, crowd: []int{1, 1_000, 100_000}, slabs: slabs}

const defaultBound = 4 * time.Second

// atOnce is the number of labs at the same time.
const atOnce = 6

// A Result is the outcome of a comparison.
type Result struct {
	// Part says how much of the comparison it is, and is empty if it is all.
	Part string `json:"part,omitempty"`

	Machine   Machine    `json:"machine"`
	Repairs   []Repair   `json:"repairs"`
	Questions []Question `json:"questions"`
	Cells     []Cell     `json:"cells"` // question by question
}

// Cell returns the cell of a repair and a question, or nil.
func (r *Result) Cell(repair, question string) *Cell {
	for i, c := range r.Cells {
		if c.Repair == repair && c.Question == question {
			return &r.Cells[i]
		}
	}
	return nil
}

// Run compares.
func Run(ctx context.Context, o Options) (*Result, error) {
	rs := repairs()
	if err := useTools(rs); err != nil {
		return nil, err
	}
	return run(ctx, o, rs, questions())
}

func run(ctx context.Context, o Options, rs []Repair, qs []Question) (*Result, error) {
	start := time.Now()
	if o.Bound == 0 {
		o.Bound = defaultBound
	}
	if o.effort == nil {
		o.effort = &wholeEffort
	}
	if err := o.check(rs, qs); err != nil {
		return nil, err
	}
	allRepairs, allQuestions := len(rs), len(qs)
	res := &Result{
		Machine:   thisMachine(),
		Repairs:   slices.DeleteFunc(rs, func(r Repair) bool { return len(o.Repairs) > 0 && !slices.Contains(o.Repairs, r.ID) }),
		Questions: slices.DeleteFunc(qs, func(q Question) bool { return len(o.Questions) > 0 && !slices.Contains(o.Questions, q.ID) }),
	}
	if n, m := len(res.Repairs), len(res.Questions); n < allRepairs || m < allQuestions {
		res.Part = fmt.Sprintf("%d of %d repairs, %d of %d questions", n, allRepairs, m, allQuestions)
	}
	var ts []*trial
	for _, r := range res.Repairs {
		ts = append(ts, &trial{repair: r, bound: o.Bound, effort: *o.effort})
	}
	l := filler{result: res, trials: ts, progress: o.Progress}
	if err := l.fill(ctx); err != nil {
		return nil, err
	}
	res.Machine.Seconds = time.Since(start).Seconds()
	return res, nil
}

// Check returns an error if there is no repair or question of a name that is given.
func (o Options) Check() error { return o.check(repairs(), questions()) }

func (o Options) check(rs []Repair, qs []Question) error {
	if err := known(o.Repairs, rs, func(r Repair) string { return r.ID }); err != nil {
		return fmt.Errorf("compare: repair %w", err)
	}
	if err := known(o.Questions, qs, func(q Question) string { return q.ID }); err != nil {
		return fmt.Errorf("compare: question %w", err)
	}
	return nil
}

// known returns an error if one of the IDs wanted is of nothing there is.
func known[T any](wanted []string, all []T, id func(T) string) error {
	var ids []string
	for _, a := range all {
		ids = append(ids, id(a))
	}
	for _, w := range wanted {
		if !slices.Contains(ids, w) {
			return fmt.Errorf("%q: it is one of %s", w, strings.Join(ids, ", "))
		}
	}
	return nil
}

// each calls f with 0 to n-1, a few at a time.
func each(n int, f func(i int)) {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := range n {
		g.Go(func() error {
			f(i)
			return nil
		})
	}
	_ = g.Wait() // none returns an error
}

// judge makes a finding a cell.
func judge(r Repair, q Question, f finding) Cell {
	e := expectations[q.ID][r.ID]
	differs := e.differs(f)
	if differs == "" {
		differs = idle(r, q, f)
	}
	return Cell{
		Repair: r.ID, Question: q.ID,
		Verdict: f.verdict, Says: f.says, Short: f.short, Numbers: f.numbers, Happened: f.happened, Work: f.work, Wires: f.wires,
		Expected: e.verdict, Why: e.why,
		Surprise: differs != "", Differs: differs,
	}
}
