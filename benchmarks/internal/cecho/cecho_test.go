//go:build linux

package cecho_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/cecho"
)

func TestNoCompiler(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := cecho.Build(t.Context(), t.TempDir())
	require.ErrorIs(t, err, cecho.ErrNoCompiler)
}
