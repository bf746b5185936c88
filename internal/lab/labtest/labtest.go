//go:build linux

package labtest

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// Main runs the tests of a package that uses labs. It is all that a TestMain
// has to call, and does not return. The tests run in new namespaces if there
// can be any, so that lo is the only interface they find outside of a lab.
func Main(m *testing.M) {
	// The outcome is kept in lab.Available, for Need.
	_ = lab.Enter()
	os.Exit(m.Run())
}

// Need skips the test if the system denies what labs are made of. It fails the
// test if they cannot be had for another reason.
func Need(t testing.TB) {
	t.Helper()
	switch err := lab.Available(); {
	case errors.Is(err, lab.ErrUnavailable):
		t.Skip(err)
	default:
		require.NoError(t, err)
	}
}

// New is lab.New for the duration of the test.
func New(t testing.TB, o lab.Options) *lab.Lab {
	t.Helper()
	Need(t)
	l, err := lab.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// NewHost is lab.NewHost for the duration of the test.
func NewHost(t testing.TB, name string) *lab.Host {
	t.Helper()
	Need(t)
	h, err := lab.NewHost(name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return h
}

// Capture is Host.Capture for the duration of the test, which fails if the
// record has gaps.
func Capture(t testing.TB, h *lab.Host, dev string) *lab.Capture {
	t.Helper()
	c, err := h.Capture(dev)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := c.Stop()
		require.NoError(t, err)
	})
	return c
}

// asProgram names the environment variable by which a test binary is the program that
// it tests.
const asProgram = "DSRUDP_TEST_AS_PROGRAM"

// ProgramMain is Main for the tests of a program, whose function main that is. Before
// its tests it calls setUp, if that is not nil. A command that Program made is main alone.
func ProgramMain(m *testing.M, main, setUp func()) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	if setUp != nil {
		setUp()
	}
	Main(m)
}

// Program returns a command that runs the program which the test binary tests. It is
// ended with the test.
func Program(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}
