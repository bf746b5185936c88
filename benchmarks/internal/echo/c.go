//go:build linux

package echo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// The servers in C show what the system calls cost without Go.
//
//go:embed src
var source embed.FS

// ErrNoCompiler is matched by BuildC's error on a machine without a C compiler.
var ErrNoCompiler = errors.New("no C compiler (cc, gcc or clang)")

// BuildC compiles the servers in C and returns the name of the program, which is
// in dir. Main.c describes its arguments.
func BuildC(ctx context.Context, dir string) (program string, err error) {
	cc, err := compiler()
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, source); err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(dir, "src", "*.c"))
	if err != nil {
		return "", err
	}
	program = filepath.Join(dir, "echo")
	cmd := exec.CommandContext(ctx, cc, append([]string{"-O2", "-pthread", "-o", program}, files...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("echo: %s: %w: %s", cc, err, out)
	}
	return program, nil
}

func compiler() (string, error) {
	for _, name := range []string{"cc", "gcc", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoCompiler
}
