package dsrudp_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// apart has the test run again in a process of its own, where it may do to the
// process what it wants, and reports whether this is that one. There is an end to
// it: stuck says what it means when it had to be ended.
func apart(t *testing.T, stuck string) bool {
	t.Helper()
	const child = "DSRUDP_TEST_APART"
	if os.Getenv(child) == t.Name() {
		return true
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), child+"="+t.Name())
	out, err := cmd.CombinedOutput()
	require.NoError(t, ctx.Err(), "%s:\n%s", stuck, out)
	require.NoError(t, err, "%s", out)
	return false
}
