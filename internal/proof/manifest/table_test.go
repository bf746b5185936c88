package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTable: each row has a number of its own, says something, and names tests,
// each once.
func TestTable(t *testing.T) {
	seen := make(map[string]bool)
	id := regexp.MustCompile(`^(P[1-9][0-9]?|K[1-9][0-9]?\.[1-9][0-9]?)$`)
	for _, s := range sections {
		require.NotEmpty(t, s.title)
		for _, r := range s.rows {
			require.Regexp(t, id, r.id)
			require.False(t, seen[r.id], r.id)
			seen[r.id] = true
			require.True(t, strings.HasSuffix(r.says, "."), r.id)
			require.NotEmpty(t, r.tests, r.id)
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(r.tests))), len(r.tests), r.id)
		}
	}
	require.Greater(t, len(seen), 50)
}

// TestNamesExist: the tests named are in the source. Their subtests only show
// when they run.
func TestNamesExist(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	inSource := make(map[string][]string) // by directory
	for _, s := range sections {
		for _, r := range s.rows {
			for _, p := range r.tests {
				dir, name, ok := strings.Cut(string(p), " ")
				require.True(t, ok, "%s: %q", r.id, p)
				if inSource[dir] == nil {
					inSource[dir] = testsOf(t, filepath.Join(root, filepath.FromSlash(dir)))
				}
				name, _, _ = strings.Cut(name, "/")
				require.Contains(t, inSource[dir], name, "%s names %s", r.id, p)
			}
		}
	}
}

var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Example|Fuzz)\w*)\(`)

// testsOf returns the names of the tests in all test files of a directory, also
// in those for other systems.
func testsOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := fs.Glob(os.DirFS(dir), "*_test.go")
	require.NoError(t, err)
	require.NotEmpty(t, files, "%s has no tests", dir)
	for _, file := range files {
		src, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		for _, m := range testFunc.FindAllSubmatch(src, -1) {
			names = append(names, string(m[1]))
		}
	}
	return names
}

func TestWrap(t *testing.T) {
	require.Equal(t, []string{"one two", "three", "fourfivesix", "7"}, wrap("one two three fourfivesix 7", 8))
}
