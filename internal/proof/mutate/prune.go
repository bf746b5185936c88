package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// prune writes an overlay, as go build's -overlay, by which a package has only
// the test files that the tests of s need: compiling tests that are not run is
// what would take most of the time.
func (t tree) prune(s selection) (overlay string, err error) {
	files, err := parseTests(filepath.Join(t.root, filepath.FromSlash(s.dir)))
	if err != nil {
		return "", err
	}
	keep := closure(files, s.roots)
	without := make(map[string]string)
	for path := range files {
		if !keep[path] {
			without[path] = "" // there is no such file
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": without})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(t.scratch, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o644)
}

// roots reports whether a function of a test file is one that s runs. Elements
// behind a slash are subtests of it.
func (s selection) roots(name string) bool {
	switch name {
	case "TestMain", "init", "_": // what runs in any case
		return true
	}
	for alternative := range strings.SplitSeq(s.run, "|") {
		test, _, _ := strings.Cut(alternative, "/")
		if matched, err := regexp.MatchString(test, name); err != nil || matched {
			return true
		}
	}
	return false
}

// A testFile is what one declares and mentions, by name alone: a name that means
// something else elsewhere costs a file that was not needed. A test that runs
// others in a process of its own names them in a string.
type testFile struct {
	declares  []string // on its top level
	methodsOf []string // the types that it has methods of
	mentions  map[string]bool
}

var testName = regexp.MustCompile(`\bTest\w+`)

func parseTests(dir string) (map[string]testFile, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	files := make(map[string]testFile)
	for _, path := range paths {
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		f := testFile{mentions: make(map[string]bool)}
		for _, d := range parsed.Decls {
			f.declare(d)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				f.mentions[n.Name] = true
			case *ast.BasicLit:
				for _, name := range testName.FindAllString(n.Value, -1) {
					f.mentions[name] = true
				}
			}
			return true
		})
		files[path] = f
	}
	return files, nil
}

func (f *testFile) declare(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			f.declares = append(f.declares, d.Name.Name)
			return
		}
		ast.Inspect(d.Recv, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				f.methodsOf = append(f.methodsOf, id.Name)
			}
			return true
		})
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				f.declares = append(f.declares, spec.Name.Name)
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					f.declares = append(f.declares, id.Name)
				}
			}
		}
	}
}

// closure returns the files that declare a root, and those that declare what a
// file of the closure mentions.
func closure(files map[string]testFile, root func(string) bool) map[string]bool {
	keep := make(map[string]bool)
	wanted := make(map[string]bool)
	for grown := true; grown; {
		grown = false
		for path, f := range files {
			if keep[path] || !f.anyOf(root, wanted) {
				continue
			}
			keep[path], grown = true, true
			for name := range f.mentions {
				wanted[name] = true
			}
		}
	}
	return keep
}

func (f testFile) anyOf(root func(string) bool, wanted map[string]bool) bool {
	for _, name := range f.declares {
		if root(name) || wanted[name] {
			return true
		}
	}
	for _, name := range f.methodsOf {
		if wanted[name] {
			return true
		}
	}
	return false
}
