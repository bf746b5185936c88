//go:build linux

// Package cecho has echo servers in C, which show what the system calls cost
// without Go. Their source is part of the program and compiled where it runs.
package cecho

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed src
var source embed.FS

// ErrNoCompiler is matched by Build's error on a machine without a C compiler.
var ErrNoCompiler = errors.New("no C compiler (cc, gcc or clang)")

// Build compiles the servers and returns the program's name, which is in dir.
// Main.c says what its arguments are.
func Build(ctx context.Context, dir string) (program string, err error) {
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
		return "", fmt.Errorf("cecho: %s: %w: %s", cc, err, out)
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
