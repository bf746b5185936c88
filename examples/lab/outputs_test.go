//go:build linux

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// A comparison that is interrupted leaves nothing: no file, no directory, and of
// a result of before all.
func TestInterrupted(t *testing.T) {
	labtest.Need(t)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		dir := t.TempDir()
		file := filepath.Join(dir, "result.json")
		require.NoError(t, os.WriteFile(file, []byte("earlier"), 0o640))
		cmd := labtest.Program(t, "-compare", "-json", file, "-report", filepath.Join(dir, "a", "report"))
		var stderr strings.Builder
		cmd.Stderr = &stderr
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool {
			found, err := filepath.Glob(filepath.Join(dir, "a", "report", ".table.md.*"))
			return err == nil && len(found) == 1
		}, 10*time.Second, 5*time.Millisecond, "what is written beside")
		require.NoError(t, cmd.Process.Signal(sig))
		require.Error(t, cmd.Wait())
		require.Equal(t, 1, cmd.ProcessState.ExitCode())
		require.Contains(t, stderr.String(), "the comparison was broken off: "+sig.String())
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, left, 1)
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, "earlier", string(b))
	}
}

// A file is replaced as a whole, with the mode that it had, and where a link to it
// leads; what is no file is written to.
func TestOutput(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("earlier", 100)), 0o640))
	require.NoError(t, os.Symlink("file", link))
	write := func(name string) {
		o, err := openOutput(name)
		require.NoError(t, err)
		require.NoError(t, o.replace(func(w io.Writer) error {
			_, err := io.WriteString(w, "now")
			return err
		}))
		require.NoError(t, o.close())
	}
	write(link)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "now", string(b))
	info, err := os.Lstat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode())
	info, err = os.Lstat(link)
	require.NoError(t, err)
	require.Equal(t, os.ModeSymlink, info.Mode().Type())
	write(os.DevNull)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 2)

	// One that cannot be written is not replaced.
	o, err := openOutput(file)
	require.NoError(t, err)
	require.ErrorIs(t, o.replace(func(w io.Writer) error { return io.ErrShortWrite }), io.ErrShortWrite)
	require.NoError(t, o.close())
	b, err = os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "now", string(b))
	left, err = os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 2)
}
