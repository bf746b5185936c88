//go:build linux

package compare

import (
	"context"
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

const changeAsks = "The functions of the program that was run are compared with those of the naive one, line by line, without imports and comments. For right answers it must differ in no more than one line. " +
	"Where the program is the naive one there is nothing to compare, and it is met by definition. In parentheses are the lines by which the program also learns the VIP, where it can. The commands are counted for one VIP and for two."

func change(_ context.Context, t *trial) (finding, error) {
	p := t.repair.program
	lines, err := p.changed("Answer")
	if err != nil {
		return finding{}, err
	}
	f := finding{
		verdict: verdict(lines <= 1),
		says:    plural(lines, "line") + " for right answers",
		short:   fmt.Sprint(lines),
		numbers: map[string]float64{"lines": float64(lines)},
	}
	if p.single != nil {
		n, err := p.single.changed("Answer")
		if err != nil {
			return finding{}, err
		}
		f.numbers["lines for one VIP"] = float64(n)
		f.says += fmt.Sprintf(" by a socket for each VIP, %s by one for one VIP alone", plural(n, "line"))
	}
	if p.name == naiveProgram.name {
		f.says += ", as it is the naive program itself; it never learns the VIP"
	} else {
		n, err := p.changed("Tell")
		if err != nil {
			return finding{}, err
		}
		f.numbers["lines to learn the VIP too"] = float64(n)
		f.says += fmt.Sprintf("; %d to learn the VIP too", n)
		f.short += fmt.Sprintf(" (%d)", n)
	}
	if one, two := len(t.repair.Commands), len(t.repair.CommandsTwoVIPs); one > 0 {
		f.numbers["commands for one VIP"], f.numbers["commands for two VIPs"] = float64(one), float64(two)
		f.says += fmt.Sprintf("; %s on every host for one VIP, %d for two", plural(one, "command"), two)
		if t.repair.lone {
			f.says += ", the last of which changes nothing: its rule never matches"
		}
	}
	return f, nil
}

// changed returns the number of lines by which the program differs from the naive
// one, if it answers by the function of that name.
func (p program) changed(answer string) (int, error) {
	was, err := naiveProgram.code("Answer")
	if err != nil {
		return 0, err
	}
	is, err := p.code(answer)
	return added(was, is), err
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
