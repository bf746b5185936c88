//go:build linux

package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
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
		var m echo.Memory
		if m, err = echo.MeasureMemory(); err == nil {
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

// Memory measures the size of the library's objects, in a process of its own.
func Memory(ctx context.Context) (*echo.Memory, error) {
	c := command(roleMemory, nil)
	cmd := exec.CommandContext(ctx, c.Path)
	cmd.Env, cmd.Stderr = c.Env, os.Stderr
	out, err := cmd.Output()
	var m echo.Memory
	if err == nil {
		err = json.Unmarshal(out, &m)
	}
	if err != nil {
		return nil, fmt.Errorf("measuring memory: %w", err)
	}
	return &m, nil
}

// A process is one that this one talks to over its standard input and output.
// It ends when its input does, and so when this process ends, however it does.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

func start(cmd *exec.Cmd, p machine.Place) (*process, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := machine.Start(cmd, p); err != nil {
		return nil, err
	}
	return &process{cmd, in, out}, nil
}

// stop ends the process and waits for it.
func (p *process) stop() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }

type generator struct {
	*process
	*load.Remote
}

func startGenerator(place machine.Place) (*generator, error) {
	p, err := start(command(roleLoad, nil), place)
	if err != nil {
		return nil, fmt.Errorf("starting the generator: %w", err)
	}
	return &generator{p, load.NewRemote(p.out, p.in)}, nil
}

// A server is the process of an entry.
type server struct {
	*process
	replies *json.Decoder
	echo.Ready
	spec echo.Spec // of one in Go
}

// startServer starts the server of an entry and waits until it listens.
func (r *Runner) startServer(e plan.Entry, place machine.Place) (*server, error) {
	cmd := exec.Command(r.C, e.Server.C...)
	if e.Server.C == nil {
		cmd = command(roleEcho, e.Server.Go)
	}
	p, err := start(cmd, place)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", e.Label, err)
	}
	srv := &server{process: p, replies: json.NewDecoder(p.out), spec: e.Server.Go}
	if err := srv.replies.Decode(&srv.Ready); err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", e.Label, err), p.stop())
	}
	return srv, nil
}

// stats asks a server in Go for its statistics.
func (s *server) stats() (st echo.Stats, err error) {
	if s.spec.Name == "" {
		return st, nil
	}
	if _, err := io.WriteString(s.in, "\n"); err != nil {
		return st, err
	}
	return st, s.replies.Decode(&st)
}

// probe makes the server's probe for as long as d.
func (s *server) probe(d time.Duration) (times []time.Duration, err error) {
	if echo.FromOutside(s.spec.Probe) {
		return echo.Probe(s.spec.Probe, s.Ready, d)
	}
	if _, err := fmt.Fprintln(s.in, d); err != nil {
		return nil, err
	}
	return times, s.replies.Decode(&times)
}
