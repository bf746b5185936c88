package site

import (
	"bufio"
	"bytes"
	"context"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// A Program is the program that the test binary tests, running on a host.
type Program struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed at the end of the log

	mu   sync.Mutex
	log  []string
	more chan struct{} // closed, and replaced, whenever log has grown
}

// Start starts the program on the host and waits until it logs that it is listening.
// At the end of the test it gets a SIGTERM, after which it has to end in good order.
func Start(t *testing.T, h *lab.Host, args ...string) *Program {
	t.Helper()
	p := &Program{cmd: labtest.Program(t, args...), ended: make(chan struct{}), more: make(chan struct{})}
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = Patience
	stderr, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, h.Do(p.cmd.Start))
	go p.read(bufio.NewScanner(stderr))
	t.Cleanup(func() {
		<-p.ended
		_ = p.cmd.Wait() // its error is that the test is over
		require.True(t, p.cmd.ProcessState.Success(), "%v: %q", p.cmd.ProcessState, p.log)
	})
	p.Logged(t, "listening on ")
	return p
}

func (p *Program) read(stderr *bufio.Scanner) {
	defer close(p.ended)
	for stderr.Scan() {
		p.mu.Lock()
		p.log = append(p.log, stderr.Text())
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
}

// Logged waits for a line of the program's log that has text in it, and returns the first.
func (p *Program) Logged(t *testing.T, text string) (line string) {
	t.Helper()
	timeout := time.After(Patience)
	for {
		p.mu.Lock()
		log, more := p.log, p.more
		p.mu.Unlock()
		if i := slices.IndexFunc(log, func(line string) bool { return strings.Contains(line, text) }); i >= 0 {
			return log[i]
		}
		select {
		case <-more:
		case <-p.ended:
			require.Fail(t, "the program ended", "%q was not logged: %q", text, log)
		case <-timeout:
			require.Fail(t, "nothing more is logged", "%q was not logged: %q", text, log)
		}
	}
}

// Run runs a client program on the host and returns what it printed. The test is skipped
// where the program is not installed.
func Run(t *testing.T, h *lab.Host, name string, args ...string) (output string, err error) {
	t.Helper()
	return Go(t, h, name, args...)()
}

// Go is Run for several clients at once: what it returns waits for the program's end.
func Go(t *testing.T, h *lab.Host, name string, args ...string) (wait func() (output string, err error)) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, h.Do(cmd.Start))
	return func() (string, error) {
		err := cmd.Wait()
		return out.String(), err
	}
}
