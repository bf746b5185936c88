//go:build linux

package compare

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

const changeAsks = "The program that was run is compared with the naive one, line by line, without imports and comments. It must differ in no more than one line."

func change(_ context.Context, t *trial) (finding, error) {
	was, err := naiveProgram.code()
	if err != nil {
		return finding{}, err
	}
	is, err := t.repair.program.code()
	if err != nil {
		return finding{}, err
	}
	lines := added(was, is)
	f := finding{
		verdict: verdict(lines <= 1),
		says:    fmt.Sprintf("%d new or changed lines in the program", lines),
		short:   fmt.Sprint(lines),
		numbers: map[string]float64{"lines": float64(lines)},
	}
	switch lines {
	case 0:
		f.says = "none in the program"
	case 1:
		f.says = "one line in the program, besides its import"
	}
	if t.repair.program.single != "" {
		single, err := program{name: t.repair.program.single}.code()
		if err != nil {
			return finding{}, err
		}
		n := added(was, single)
		f.numbers["lines for one VIP"] = float64(n)
		f.says += fmt.Sprintf(", for a socket for each VIP; %s for one VIP alone", plural(n, "line"))
	}
	if n := len(t.repair.Commands); n > 0 {
		f.numbers["commands"] = float64(n)
		f.says += fmt.Sprintf("; %s on every host, and one more for each further VIP", plural(n, "command"))
	}
	return f, nil
}

// code returns the functions of the program, without comments.
func (p program) code() (string, error) {
	source, err := p.source()
	if err != nil {
		return "", err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, p.name, source, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	var code strings.Builder
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			code.WriteString(source[fset.Position(f.Pos()).Offset:fset.Position(f.End()).Offset])
			code.WriteString("\n")
		}
	}
	return code.String(), nil
}

// added returns the number of lines of is that are not in was.
func added(was, is string) int {
	n := 0
	for line := range strings.Lines(udiff.Unified("was", "is", was, is)) {
		if strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "+++") {
			n++
		}
	}
	return n
}
