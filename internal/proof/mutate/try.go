package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

type options struct {
	root    string
	workers int
	timeout time.Duration
	tried   func(result) // called with each that was, one at a time
}

// A result is what became of a breakage.
type result struct {
	breakage
	ended  bool     // the context did, before it had been tried
	rotten error    // why it could not be tried
	caught string   // the package and the test, if one caught it
	output []string // of the tests, by selection
	took   time.Duration
}

// try breaks copies of the tree in every way given. An error means that there
// are no results: the tests fail while nothing is broken, or a breakage's text is
// not there. The end of the context is no error, but what was not tried by then says
// so.
func try(ctx context.Context, bs []breakage, o options) ([]result, error) {
	var rot error
	for _, b := range bs {
		rot = errors.Join(rot, b.rot(o.root))
	}
	if rot != nil {
		return nil, rot
	}
	tmp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	trees := make([]tree, min(o.workers, len(bs)))
	for i := range trees {
		dir := filepath.Join(tmp, strconv.Itoa(i))
		trees[i] = tree{root: filepath.Join(dir, "tree"), scratch: dir, timeout: o.timeout}
		if err := copyTree(trees[i].root, o.root); err != nil {
			return nil, err
		}
	}

	bases := baseline(bs)
	outputs, errs := make([]string, len(bases)), make([]error, len(bases))
	each(trees, len(bases), func(t tree, i int) { outputs[i], errs[i] = t.passes(ctx, bases[i]) })
	if ctx.Err() != nil {
		return untried(bs), nil // whatever failed
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("before anything is broken: %w", err)
	}
	ran := make(map[selection]string)
	for i, b := range bases {
		for _, s := range b.parts {
			ran[s] = outputs[i]
		}
	}
	results := make([]result, len(bs))
	var mu sync.Mutex
	each(trees, len(bs), func(t tree, i int) {
		results[i] = t.break1(ctx, bs[i], ran)
		if results[i].ended {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		o.tried(results[i])
	})
	return results, nil
}

// untried returns the results of breakages none of which was tried.
func untried(bs []breakage) []result {
	rs := make([]result, len(bs))
	for i, b := range bs {
		rs[i] = result{breakage: b, ended: true}
	}
	return rs
}

// each does n things, as many at once as there are trees.
func each(trees []tree, n int, do func(t tree, i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for _, t := range trees {
		wg.Go(func() {
			for i := range next {
				do(t, i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// A base is all that is run of one package.
type base struct {
	all   selection
	parts []selection
}

// baseline joins the selections of breakages by package.
func baseline(bs []breakage) (bases []base) {
	type binary struct {
		dir  string
		race bool
	}
	at := make(map[binary]int)
	seen := make(map[selection]bool)
	for _, b := range bs {
		for _, s := range b.by {
			if seen[s] {
				continue
			}
			seen[s] = true
			i, ok := at[binary{s.dir, s.race}]
			if !ok {
				i = len(bases)
				at[binary{s.dir, s.race}] = i
				bases = append(bases, base{all: selection{dir: s.dir, race: s.race}})
			}
			bases[i].parts = append(bases[i].parts, s)
		}
	}
	for i, b := range bases {
		var runs []string
		for _, s := range b.parts {
			runs = append(runs, s.run)
		}
		bases[i].all.run = strings.Join(runs, "|")
	}
	return bases
}

// passes fails unless all tests of b pass, and returns what they print.
func (t tree) passes(ctx context.Context, b base) (output string, err error) {
	binary, err := t.build(ctx, b.all)
	if err != nil {
		return "", err
	}
	v, err := t.test(ctx, binary, b.all)
	if err != nil {
		return "", err
	}
	if v.failed {
		return "", fmt.Errorf("%s fails in %s:\n%s", v.first, b.all.dir, from(v.output, v.first))
	}
	return v.output, nil
}

// break1 tries one breakage, with tests that are among those that ran before.
func (t tree) break1(ctx context.Context, b breakage, ran map[selection]string) (r result) {
	start := time.Now()
	r.breakage = b
	if ctx.Err() != nil {
		r.ended = true
		return r
	}
	defer func() {
		r.took = time.Since(start)
		if r.rotten != nil && ctx.Err() != nil {
			r.ended, r.rotten = true, nil // what was running was killed
		}
	}()
	for _, s := range b.by {
		if r.rotten = s.selects(ran[s]); r.rotten != nil {
			return r
		}
	}
	mend, err := b.apply(t.root)
	if err != nil {
		r.rotten = err
		return r
	}
	defer func() { r.rotten = errors.Join(r.rotten, mend()) }()
	for _, s := range b.by {
		binary, err := t.build(ctx, s)
		if err != nil {
			r.rotten = err
			return r
		}
		v, err := t.test(ctx, binary, s)
		if err != nil {
			r.rotten = err
			return r
		}
		r.output = append(r.output, v.output)
		if v.failed {
			r.caught = s.dir + " " + v.first
			return r
		}
	}
	return r
}
