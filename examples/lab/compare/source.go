//go:build linux

package compare

import (
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
)

// sources are the programs' texts, to count by how much they differ.
//
//go:embed programs
var sources embed.FS

func (p program) source() (string, error) {
	dir := path.Join("programs", p.name)
	files, err := sources.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(files) != 1 {
		return "", fmt.Errorf("compare: %s has %d files, not one", dir, len(files))
	}
	b, err := sources.ReadFile(path.Join(dir, files[0].Name()))
	return string(b), err
}

// code returns the functions that the program needs if it answers by the function
// of that name, without comments. That function is called Answer in it.
func (p program) code(answer string) (string, error) {
	source, err := p.source()
	if err != nil {
		return "", err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, p.name, source, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	functions := make(map[string]*ast.FuncDecl)
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			functions[f.Name.Name] = f
		}
	}
	needed := []string{"Listen", answer}
	for i := 0; i < len(needed); i++ { // it grows
		f := functions[needed[i]]
		if f == nil {
			return "", fmt.Errorf("compare: program %s has no function %s", p.name, needed[i])
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && functions[id.Name] != nil && !slices.Contains(needed, id.Name) {
				needed = append(needed, id.Name)
			}
			return true
		})
	}
	var code strings.Builder
	for _, name := range needed {
		f := functions[name]
		text := source[fset.Position(f.Pos()).Offset:fset.Position(f.End()).Offset]
		fmt.Fprintln(&code, strings.Replace(text, "func "+answer+"(", "func Answer(", 1))
	}
	return code.String(), nil
}
