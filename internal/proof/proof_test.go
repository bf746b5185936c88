package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTable checks without compiling what proving checks, and that the table is what it says.
func TestTable(t *testing.T) {
	require.LessOrEqual(t, len(breakages), 40)
	p := prover{root: filepath.Join("..", ".."), tmp: t.TempDir()}
	names := make(map[string]bool)
	for _, b := range breakages {
		_, err := p.overlay(&b, "0")
		require.NoError(t, err, b.name)
		require.DirExists(t, filepath.Join(p.root, b.dir), b.name)
		require.NotEmpty(t, b.run, b.name)
		require.Positive(t, b.promise, b.name)
		require.False(t, names[b.name], b.name)
		names[b.name] = true
	}
}

// repository writes one to break.
func repository(t *testing.T) (root string) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("this test compiles, and there is no go command here")
	}
	root = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "m"), 0o755))
	for name, text := range map[string]string{
		"go.mod": "module example.org/m\n\ngo 1.26\n",
		"m/m.go": "package m\n\nfunc Double(n int) int { return n + n }\n\nfunc Done(n int) bool { return n >= 3 }\n",
		"m/m_test.go": `package m

import "testing"

func TestDouble(t *testing.T) {
	t.Run("two", func(t *testing.T) {
		if Double(2) != 4 {
			t.Error("2 doubled is not 4")
		}
	})
}

func TestDone(t *testing.T) {
	for n := 0; !Done(n); n = Double(n) {
		n++
	}
}

func TestBad(t *testing.T) { t.Error("bad from the beginning") }
`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	return root
}

func breaking(name, old, new, run string) breakage {
	return breakage{1, name, "m", run, "m/m.go", old, new}
}

var (
	wrong   = breaking("wrong", "n + n", "n", "^TestDouble$|^TestDone$")
	hanging = breaking("hanging", "n >= 3", "false", "^TestDone$")
)

func TestProve(t *testing.T) {
	root := repository(t)
	try := func(timeout time.Duration, bs ...breakage) (string, error) {
		var out bytes.Buffer
		err := prove(t.Context(), bs, root, timeout, &out)
		return out.String(), err
	}

	output, err := try(time.Minute,
		wrong,
		breaking("panic", "{ return n + n }", "{ panic(n) }", "^TestDouble$"),
		breaking("harmless", "n + n", "2 * n", "^TestDouble$"),
		breaking("untested", "n + n", "n", "^TestNothing$"),
		breaking("unused", "return n + n", "m := n", "^TestDouble$"),
		breaking("gone", "n - n", "n", "^TestDouble$"),
		breaking("twice", "(n int)", "(n uint)", "^TestDouble$"),
	)
	require.ErrorContains(t, err, "2 of 7 breakages caught")
	for _, line := range []string{
		"promise 1   wrong: caught by TestDouble\n",
		"panic: caught",
		"harmless: SURVIVED m -run ^TestDouble$\n",
		"untested: SURVIVED m -run ^TestNothing$\n",
		"unused: NOT TRIED: m does not compile",
		"gone: NOT TRIED: m/m.go has the text to replace 0 times\n",
		"twice: NOT TRIED: m/m.go has the text to replace 2 times\n",
	} {
		require.Contains(t, output, line)
	}

	output, err = try(5*time.Second, hanging)
	require.NoError(t, err, output)
	require.Contains(t, output, "hanging: caught, it hangs\n")

	output, err = try(time.Minute, wrong, breaking("bad", "n + n", "n", "^TestBad$"))
	require.ErrorContains(t, err, "before anything is broken: m -run ^TestDouble$|^TestDone$|^TestBad$")
	require.Empty(t, output)

	_, err = try(time.Minute)
	require.Error(t, err, "nothing to try")
}

// writer calls a function for each line.
type writer func(line string)

func (w writer) Write(b []byte) (int, error) { w(string(b)); return len(b), nil }

// TestInterrupted: what was running when the program was interrupted, and what had not
// begun, is reported as not tried.
func TestInterrupted(t *testing.T) {
	root := repository(t)
	ctx, cancel := context.WithCancel(t.Context())
	var lines []string
	out := writer(func(line string) { lines = append(lines, line); cancel() })
	bs := []breakage{wrong}
	for range 20 {
		bs = append(bs, hanging)
	}
	err := prove(ctx, bs, root, time.Minute, out)
	require.ErrorContains(t, err, "interrupted: 1 of 21 breakages tried, 1 caught")
	require.Len(t, lines, 1)
	require.True(t, strings.HasSuffix(lines[0], "wrong: caught by TestDouble\n"), lines[0])
}
