//go:build linux

package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
)

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

// A server is the process of an entry.
type server struct {
	*process
	replies *json.Decoder
	port    int
	isGo    bool
}

// startServer starts the server of an entry and waits until it listens.
func (r *Runner) startServer(s plan.Scenario, e plan.Entry) (*server, error) {
	var cmd *exec.Cmd
	if e.Server.C != nil {
		cmd = exec.Command(r.C, e.Server.C...)
	} else {
		cmd = command(roleEcho, e.Server.Go)
	}
	p, err := start(cmd, r.place(s))
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", e.Label, err)
	}
	srv := &server{process: p, replies: json.NewDecoder(p.out), isGo: e.Server.C == nil}
	var ready echo.Ready
	if err := srv.replies.Decode(&ready); err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", e.Label, err), p.stop())
	}
	srv.port = ready.Port
	return srv, nil
}

// stats asks a server in Go for its statistics.
func (s *server) stats() (st echo.Stats, err error) {
	if !s.isGo {
		return st, nil
	}
	if _, err := io.WriteString(s.in, "\n"); err != nil {
		return st, err
	}
	return st, s.replies.Decode(&st)
}
