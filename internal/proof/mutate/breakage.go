package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A breakage is one way to break the library.
type breakage struct {
	name  string
	edits []edit
	by    []selection // one of these must catch it; the quickest first
}

// An edit replaces text in a file.
type edit struct {
	file     string // from the repository's root
	old, new string
}

// A selection is tests of one package.
type selection struct {
	dir  string // of the package, from the repository's root
	run  string // as go test's -run
	race bool   // with the race detector, which is what shall notice
}

func (s selection) String() string {
	if s.race {
		return s.dir + " -race -run " + s.run
	}
	return s.dir + " -run " + s.run
}

// rot says what is wrong with b's edits to the tree at root. It joins all.
func (b breakage) rot(root string) (err error) {
	if len(b.edits) == 0 || len(b.by) == 0 {
		return fmt.Errorf("%q changes nothing, or names no tests", b.name)
	}
	for _, e := range b.edits {
		if _, _, bad := e.applied(root); bad != nil {
			err = errors.Join(err, fmt.Errorf("%q has rotted: %w", b.name, bad))
		}
	}
	return err
}

// applied returns the file before and after e.
func (e edit) applied(root string) (before, after []byte, err error) {
	before, err = os.ReadFile(e.path(root))
	if err != nil {
		return nil, nil, err
	}
	if n := strings.Count(string(before), e.old); n != 1 {
		return nil, nil, fmt.Errorf("%s has the text to replace %d times, and must have it once:\n%s", e.file, n, e.old)
	}
	if e.old == e.new {
		return nil, nil, fmt.Errorf("the edit of %s changes nothing", e.file)
	}
	return before, []byte(strings.Replace(string(before), e.old, e.new, 1)), nil
}

func (e edit) path(root string) string { return filepath.Join(root, filepath.FromSlash(e.file)) }

// apply breaks the tree at root and returns what mends it.
func (b breakage) apply(root string) (mend func() error, err error) {
	var mends []func() error
	mend = func() (err error) {
		for i := len(mends) - 1; i >= 0; i-- { // a file may have been edited twice
			err = errors.Join(err, mends[i]())
		}
		return err
	}
	for _, e := range b.edits {
		before, after, err := e.applied(root)
		if err != nil {
			return nil, errors.Join(err, mend())
		}
		mends = append(mends, func() error { return os.WriteFile(e.path(root), before, 0o644) })
		if err := os.WriteFile(e.path(root), after, 0o644); err != nil {
			return nil, errors.Join(err, mend())
		}
	}
	return mend, nil
}
