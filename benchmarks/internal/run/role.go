//go:build linux

package run

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/memory"
)

// The program starts itself as each of its servers and as the generator. These
// environment variables say what it is to be, and how.
const (
	roleEnv = "DSRUDP_BENCHMARKS_ROLE"
	specEnv = "DSRUDP_BENCHMARKS_SPEC"

	roleEcho   = "echo"
	roleLoad   = "load"
	roleMemory = "memory"
)

// command returns the command of this program in a role.
func command(role string, spec any) *exec.Cmd {
	b, err := json.Marshal(spec)
	if err != nil {
		panic(fmt.Sprintf("run: a spec that is no JSON: %v", err)) // it is a struct of numbers and words
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"="+role, specEnv+"="+string(b))
	if role == roleLoad {
		// The one goroutine is not to be interrupted in its system calls.
		cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
	}
	return cmd
}

// Role plays the role that the process was started for and exits, or returns if
// it was started by a user. It is the first call in main.
func Role() {
	var err error
	switch role := os.Getenv(roleEnv); role {
	case "":
		return
	case roleEcho:
		var s echo.Spec
		if err = json.Unmarshal([]byte(os.Getenv(specEnv)), &s); err == nil {
			err = echo.Serve(s, os.Stdin, os.Stdout)
		}
	case roleLoad:
		err = load.Serve(os.Stdin, os.Stdout)
	case roleMemory:
		var m memory.Result
		if m, err = memory.Measure(); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(m)
		}
	default:
		err = fmt.Errorf("%s=%s: it is for the program itself", roleEnv, role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
