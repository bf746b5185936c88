package dsrudp_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write api.txt again")

// The file api.txt lists what the package exports, so that a review sees each change of it.
// It is the same on all systems. After a change that is meant:
//
//	go test ./dsrudp -run TestAPI -update
func TestAPI(t *testing.T) {
	listing := exported(t, "linux")
	if *update {
		require.NoError(t, os.WriteFile("api.txt", []byte(listing), 0o666))
	}
	b, err := os.ReadFile("api.txt")
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(string(b), "\r\n", "\n"), listing,
		"the public API changed; if that is meant: go test ./dsrudp -run TestAPI -update")
	for _, system := range []string{"windows", "darwin", "freebsd", "js", "plan9"} {
		require.Equal(t, listing, exported(t, system), system)
	}
}

// exported returns a line for each exported name of the package on a system: constants,
// variables, functions, and each type with its fields, its functions and its methods.
func exported(t *testing.T, system string) string {
	t.Helper()
	fset, d := parsed(t, system, parser.SkipObjectResolution) // without comments
	var lines []string
	add := func(words string, node any) {
		var b bytes.Buffer
		require.NoError(t, printer.Fprint(&b, fset, node))
		lines = append(lines, strings.Join(strings.Fields(words+b.String()), " "))
	}
	values := func(values []*doc.Value) {
		from := len(lines)
		for _, v := range values {
			for _, spec := range v.Decl.Specs {
				s := spec.(*ast.ValueSpec)
				for _, name := range s.Names {
					if name.IsExported() { // others may be in one declaration with it
						add(v.Decl.Tok.String()+" ", name)
					}
				}
			}
		}
		slices.Sort(lines[from:])
	}
	funcs := func(funcs []*doc.Func) {
		for _, f := range funcs {
			f.Decl.Body = nil
			add("", f.Decl)
		}
	}
	values(d.Consts)
	values(d.Vars)
	funcs(d.Funcs)
	for _, typ := range d.Types {
		spec := typ.Decl.Specs[0].(*ast.TypeSpec)
		if u, ok := spec.Type.(*ast.StructType); ok {
			lines = append(lines, "type "+typ.Name+" struct")
			for _, field := range u.Fields.List {
				for _, n := range field.Names {
					add("type "+typ.Name+" struct, "+n.Name+" ", field.Type)
				}
				if len(field.Names) == 0 {
					add("type "+typ.Name+" struct, embedded ", field.Type)
				}
			}
		} else {
			add("type ", spec)
		}
		values(typ.Consts)
		values(typ.Vars)
		funcs(typ.Funcs)
		funcs(typ.Methods)
	}
	return strings.Join(lines, "\n") + "\n"
}

// parsed returns the package as it is on a system.
func parsed(t *testing.T, system string, mode parser.Mode) (*token.FileSet, *doc.Package) {
	t.Helper()
	context := build.Default
	context.GOOS, context.GOARCH = system, "amd64"
	pkg, err := context.ImportDir(".", 0)
	require.NoError(t, err)
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range pkg.GoFiles {
		f, err := parser.ParseFile(fset, name, nil, mode)
		require.NoError(t, err)
		files = append(files, f)
	}
	d, err := doc.NewFromFiles(fset, files, "")
	require.NoError(t, err)
	return fset, d
}
