//go:build linux

package compare

import (
	"context"
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/dsrudp/go-dsrudp/examples/lab/page"
)

const changeAsks = "The functions of the program that was run are compared with those of the naive one, line by line, without imports and comments. For right answers it must differ in no more than one line. " +
	"Where the program is the naive one there is nothing to compare, and it is met by definition. In parentheses are the lines by which the program also learns the VIP, where it can. The commands are counted for one VIP and for two."

func change(_ context.Context, t *trial) (Cell, error) {
	p := t.repair.program
	lines, err := p.changed("Answer")
	if err != nil {
		return Cell{}, err
	}
	c := Cell{
		Verdict: verdict(lines <= 1),
		Says:    page.Plural(lines, "line") + " for right answers",
		Short:   fmt.Sprint(lines),
		Numbers: map[string]float64{"lines": float64(lines)},
	}
	if p.single != nil {
		n, err := p.single.changed("Answer")
		if err != nil {
			return Cell{}, err
		}
		c.Numbers["lines for one VIP"] = float64(n)
		c.Says += fmt.Sprintf(" by a socket for each VIP, %s by one for one VIP alone", page.Plural(n, "line"))
	}
	if p.name == naiveProgram.name {
		c.Says += ", as it is the naive program itself; it never learns the VIP"
	} else {
		n, err := p.changed("AnswerWithReport")
		if err != nil {
			return Cell{}, err
		}
		c.Numbers["lines to learn the VIP too"] = float64(n)
		c.Says += fmt.Sprintf("; %d to learn the VIP too", n)
		c.Short += fmt.Sprintf(" (%d)", n)
	}
	if r := t.repair; r.rules != nil {
		one, two := len(r.Commands), len(r.CommandsTwoVIPs)
		c.Numbers["commands for one VIP"], c.Numbers["commands for two VIPs"] = float64(one), float64(two)
		c.Says += fmt.Sprintf("; %s on every host for one VIP, %d for two", page.Plural(one, "command"), two)
		if r.rules.single {
			c.Says += ", the last of which changes nothing: its rule never matches"
		}
	}
	return c, nil
}

// changed returns the number of lines by which the program differs from the naive
// one, if it answers by the function of that name.
func (p program) changed(answer string) (n int, err error) {
	was, err := naiveProgram.code("Answer")
	if err != nil {
		return 0, err
	}
	is, err := p.code(answer)
	for line := range strings.Lines(udiff.Unified("was", "is", was, is)) {
		if strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "+++") {
			n++
		}
	}
	return n, err
}

// sources are the programs' texts.
//
//go:embed programs
var sources embed.FS

// code returns the functions that the program needs if it answers by the function of
// that name, without comments. That function is called Answer in it. Functions that
// it does not have itself are those of package echo.
func (p program) code(answer string) (string, error) {
	functions := make(map[string]*ast.FuncDecl)
	text := make(map[string]string) // of functions
	own := make(map[string]bool)
	for _, name := range []string{"echo", p.name} {
		dir := path.Join("programs", name)
		files, err := sources.ReadDir(dir)
		if err != nil {
			return "", err
		}
		source, err := sources.ReadFile(path.Join(dir, files[0].Name())) // it has one
		if err != nil {
			return "", err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
		if err != nil {
			return "", err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				functions[f.Name.Name], own[f.Name.Name] = f, name == p.name
				text[f.Name.Name] = string(source[fset.Position(f.Pos()).Offset:fset.Position(f.End()).Offset])
			}
		}
	}
	needed := []string{"Listen", answer}
	var code strings.Builder
	for i := 0; i < len(needed); i++ { // it grows
		f := functions[needed[i]]
		if f == nil {
			return "", fmt.Errorf("compare: program %s has no function %s", p.name, needed[i])
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && own[id.Name] && !slices.Contains(needed, id.Name) {
				needed = append(needed, id.Name)
			}
			return true
		})
		said := strings.ReplaceAll(text[needed[i]], "echo.", "") // as in echo itself
		fmt.Fprintln(&code, strings.Replace(said, "func "+answer+"(", "func Answer(", 1))
	}
	return code.String(), nil
}
