//go:build linux

package compare

import (
	"context"
	"fmt"
	"sync"
)

// A filler enters findings into a result.
type filler struct {
	result   *Result
	trials   []*trial
	progress func(done, all int, what string) // or nil

	mu   sync.Mutex
	done int
}

// fill asks all questions: first those that can be put at the same time, then
// the measurements. A question that cannot be put fails for itself. An error says
// that ctx has ended.
func (l *filler) fill(ctx context.Context) error {
	r := l.result
	r.Cells = make([]Cell, len(r.Questions)*len(l.trials))
	each(len(r.Cells), func(i int) {
		q, t := i/len(l.trials), i%len(l.trials)
		if r.Questions[q].ask == nil || ctx.Err() != nil {
			return
		}
		f, err := r.Questions[q].ask(ctx, l.trials[t])
		if err != nil {
			f = failed(err)
		}
		l.enter(q, t, f)
	})
	for q, question := range r.Questions {
		if question.askAll == nil || ctx.Err() != nil {
			continue
		}
		if l.progress != nil {
			l.progress(l.done, len(r.Cells), question.Title)
		}
		err := question.askAll(ctx, l.trials, func(t int, f finding) { l.enter(q, t, f) })
		for t := range l.trials {
			switch c := l.cell(q, t); {
			case c.Verdict == "":
				l.enter(q, t, failed(err))
			case err != nil && c.Verdict != Failed: // as with ask, where an error is no finding
				c.Verdict, c.Says = Failed, fmt.Sprintf("%v; it was found before: %s: %s", err, c.Verdict, c.Says)
			}
		}
	}
	return ctx.Err()
}

func (l *filler) cell(q, t int) *Cell { return &l.result.Cells[q*len(l.trials)+t] }

func (l *filler) enter(q, t int, f finding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, question := l.trials[t].repair, l.result.Questions[q]
	*l.cell(q, t) = judge(r, question, f)
	l.done++
	if l.progress != nil {
		l.progress(l.done, len(l.result.Cells), fmt.Sprintf("%s: %s", question.Title, r.Name))
	}
}

// failed is what is found where a question could not be put.
func failed(err error) finding {
	if err == nil {
		return finding{verdict: Failed, says: "nothing was found out, and nobody said why"}
	}
	return finding{verdict: Failed, says: err.Error()}
}
