package labtest

import (
	"os"
	"os/exec"
	"testing"
)

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
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}
