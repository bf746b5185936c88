//go:build unix

package main

import (
	"bytes"
	"maps"
	"os"
	"os/signal"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestInterruptedWithin: a breakage whose tests were running has not been tried either.
// They send the interrupt themselves, and wait to be killed.
func TestInterruptedWithin(t *testing.T) {
	files := maps.Clone(module)
	files["m/interrupt.go"] = `package m

import (
	"os"
	"syscall"
)

func Interrupt() {
	if false {
		_ = syscall.Kill(os.Getppid(), syscall.SIGINT)
		for { // not a deadlock, which would end it
		}
	}
}
`
	files["m/interrupt_test.go"] = "package m\n\nimport \"testing\"\n\nfunc TestInterrupt(t *testing.T) { Interrupt() }\n"
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt)
	defer stop()
	var out bytes.Buffer
	status := run(ctx, []string{"-root", write(t, files), "-timeout", patience, "-parallel", "1"}, []breakage{
		breaking("doubling", "return n + n }", "return n }", "^TestDouble$"),
		{"interrupting", []edit{{"m/interrupt.go", "if false", "if true"}}, []selection{tests("m", "^TestInterrupt$")}},
		breaking("tripling", "n + n + n", "n + n", "^TestTriple$"),
	}, &out, &out)
	require.Equal(t, 1, status, out.String())
	require.Contains(t, out.String(), "doubling")
	require.Contains(t, out.String(), "interrupted: 2 of 3 breakages were not tried")
	require.NotContains(t, strings.ToLower(out.String()), "rotten")
}
