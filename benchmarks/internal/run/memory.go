//go:build linux

package run

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/memory"
)

// Memory measures what the library's objects weigh, in a process of its own.
func Memory(ctx context.Context) (*memory.Result, error) {
	c := command(roleMemory, nil)
	cmd := exec.CommandContext(ctx, c.Path)
	cmd.Env, cmd.Stderr = c.Env, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("measuring memory: %w", err)
	}
	var m memory.Result
	if err := json.Unmarshal(out, &m); err != nil {
		return nil, fmt.Errorf("measuring memory: %w", err)
	}
	return &m, nil
}
