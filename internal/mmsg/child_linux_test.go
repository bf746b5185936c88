package mmsg_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childEnv is set in a process that runs one test alone.
const childEnv = "MMSG_TEST_CHILD"

// inNamespace is inProcess in a network namespace of its own.
func inNamespace(t *testing.T) bool {
	t.Helper()
	return inProcess(t, &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	})
}

// inProcess reports whether this is a process that runs t alone. If not it makes one, which
// may not last long.
func inProcess(t *testing.T, attr *syscall.SysProcAttr) bool {
	t.Helper()
	if os.Getenv(childEnv) == t.Name() {
		return true
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
	cmd.Env = append(os.Environ(), childEnv+"="+t.Name(), "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if attr != nil && (errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.ENOSPC)) {
		t.Skipf("user namespaces are not allowed here: %v", err)
	}
	require.NoError(t, ctx.Err(), "the process hangs")
	require.NoError(t, err, "%s", out)
	return false
}
