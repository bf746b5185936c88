//go:build linux

package lab_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// A program is one of programs, started as from a shell: outside.
type program struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
	dir   string // its working and temporary directory
}

// start starts a program in a process group of its own.
func start(t *testing.T, name string) *program {
	t.Helper()
	p := &program{cmd: command(name), dir: t.TempDir()}
	p.cmd.Dir = p.dir
	p.cmd.Env = append(p.cmd.Env, "TMPDIR="+p.dir)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, stdout.(*os.File).SetReadDeadline(time.Now().Add(patience)))
	p.cmd.Stderr = p.cmd.Stdout
	p.lines = bufio.NewScanner(stdout)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		p.stdin.Close()
		_ = p.cmd.Process.Kill()
	})
	return p
}

// command returns the command that runs a program outside.
func command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, lab.OutsideEnv+"=") })
	cmd.Env = append(cmd.Env, programEnv+"="+name)
	return cmd
}

// readTo returns the lines of the program's output up to the one wanted.
func (p *program) readTo(t *testing.T, want string) []string {
	t.Helper()
	var lines []string
	for p.lines.Scan() {
		if p.lines.Text() == want {
			return lines
		}
		lines = append(lines, p.lines.Text())
	}
	require.Fail(t, "end of output", "waiting for %q after %q", want, lines)
	return nil
}

// rest returns the output up to its end, which comes when no process is left
// that could write any.
func (p *program) rest(t *testing.T) []string {
	t.Helper()
	var lines []string
	for p.lines.Scan() {
		lines = append(lines, p.lines.Text())
	}
	require.NoError(t, p.lines.Err())
	return lines
}

// field returns what follows a word at the beginning of lines.
func field(lines []string, word string) (values []string) {
	for _, l := range lines {
		if v, ok := strings.CutPrefix(l, word+" "); ok {
			values = append(values, v)
		}
	}
	return values
}

// However a program ends, nothing is left of it and its lab, and who started
// it learns how it ended.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	labtest.Need(t)
	parent := func(s syscall.Signal) func(*testing.T, *program) {
		return func(t *testing.T, p *program) { require.NoError(t, p.cmd.Process.Signal(s)) }
	}
	for _, tt := range []struct {
		name, program string
		end           func(*testing.T, *program)
		status        int // -1 means killed
		rest          []string
	}{
		{"returns", "wait", func(t *testing.T, p *program) { require.NoError(t, p.stdin.Close()) }, 0, nil},
		{"SIGINT", "wait", parent(syscall.SIGINT), 130, nil},
		{"SIGTERM", "wait", parent(syscall.SIGTERM), 143, nil},
		{"SIGHUP", "wait", parent(syscall.SIGHUP), 129, nil},
		{"SIGKILL", "wait", parent(syscall.SIGKILL), -1, nil},
		{"SIGTERM handled", "handle", parent(syscall.SIGTERM), 7, []string{"flushed after 0"}},
		{"Ctrl-C handled", "handle", func(t *testing.T, p *program) {
			for range 20 { // of a signal that comes twice the second may be lost
				// A terminal signals the whole group.
				require.NoError(t, syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT))
				p.readTo(t, "interrupted")
			}
			require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
		}, 7, []string{"flushed after 20"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, tt.program)
			printed := p.readTo(t, "ready")
			second, namespaces := field(printed, "process"), field(printed, "namespace")
			require.Len(t, namespaces, 6)
			require.Len(t, second, 1)
			pid, err := strconv.Atoi(second[0])
			require.NoError(t, err)
			require.ElementsMatch(t, []int{p.cmd.Process.Pid, pid}, p.processes())
			group, err := syscall.Getpgid(pid)
			require.NoError(t, err)
			require.Equal(t, pid, group, "what a terminal sends to the first process reaches the second too")
			pidfd, err := unix.PidfdOpen(pid, 0)
			require.NoError(t, err)
			defer unix.Close(pidfd)

			tt.end(t, p)
			require.Equal(t, tt.rest, p.rest(t))
			_ = p.cmd.Wait() // the status is looked at below
			require.Equal(t, tt.status, p.cmd.ProcessState.ExitCode())

			// A namespace is held by processes, by descriptors of processes,
			// and by mounts.
			waitForEnd(t, pidfd)
			require.Empty(t, p.processes())
			mounts, err := os.ReadFile("/proc/self/mountinfo")
			require.NoError(t, err)
			for _, ns := range namespaces {
				require.NotContains(t, string(mounts), ns)
			}
			left, err := os.ReadDir(p.dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// waitForEnd waits until a process that is not our child has ended. The end of
// its output comes a little earlier, when it has closed that and not yet all.
func waitForEnd(t *testing.T, pidfd int) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, int(patience.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		require.NoError(t, err)
		require.Equal(t, 1, n, "the process goes on")
		return
	}
}

// processes returns those that belong to a program, which is all that have its
// directory in their environment. (The namespaces themselves cannot be looked
// for: a number that is free is given to the next namespace at once.)
func (p *program) processes() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/environ") // an error is one of the pattern
	for _, f := range all {
		// What is gone, or another user's, cannot be read.
		if env, err := os.ReadFile(f); err == nil && bytes.Contains(env, []byte("TMPDIR="+p.dir+"\x00")) {
			pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// A program that is started inside stays where it is: it is no third process.
func TestEnterInside(t *testing.T) {
	t.Parallel()
	labtest.Need(t)
	cmd := command("enter")
	cmd.Env = append(os.Environ(), programEnv+"=enter")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err)
	lines := strings.Split(string(out), "\n")
	require.Equal(t, []string{strconv.Itoa(cmd.Process.Pid)}, field(lines, "process"))
	require.Equal(t, []string{"false"}, field(lines, "unavailable"))
	require.Equal(t, []string{"true"}, field(lines, "same"))
}

// A second process that finds itself in the old namespace starts no third one.
func TestEnterOnce(t *testing.T) {
	t.Parallel()
	own, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	cmd := command("enter")
	cmd.Env = append(cmd.Env, lab.OutsideEnv+"="+own, lab.ReportEnv+"=3")
	cmd.ExtraFiles = []*os.File{w}
	require.Error(t, cmd.Run())
	require.NoError(t, w.Close())
	said, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Contains(t, string(said), "-a new process is in the old namespace")
}

// restricted returns a command that runs a program, or the tests, where
// namespaces are denied.
func restricted(capability, program string, args ...string) *exec.Cmd {
	cmd := command("restricted", append(args, capability, program)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
	return cmd
}

// A system that denies the namespaces, and one that grants them and denies
// what to do with them (as Ubuntu does), are both found out, and it is said
// what to do.
func TestDenied(t *testing.T) {
	t.Parallel()
	labtest.Need(t)
	for _, tt := range []struct{ capability, denied string }{
		{"admin", "operation not permitted"},
		{"net", "denied in the new namespaces: bringing lo up: operation not permitted"},
	} {
		t.Run(tt.capability, func(t *testing.T) {
			t.Parallel()
			out, err := restricted(tt.capability, "enter").CombinedOutput()
			require.NoError(t, err, "%s", out)
			lines := strings.Split(string(out), "\n")
			require.Equal(t, []string{"true"}, field(lines, "unavailable"), "%s", out)
			require.Equal(t, []string{"true"}, field(lines, "same"))
			require.Contains(t, string(out), "lab: network namespaces are not available: ")
			require.Contains(t, string(out), tt.denied)
			require.Contains(t, string(out), "no space left on device")
			require.Contains(t, string(out), "sudo sysctl -w user.max_user_namespaces=10000")

			out, err = restricted(tt.capability, "wait").CombinedOutput()
			require.Error(t, err)
			require.Contains(t, string(out), "lab: network namespaces are not available: ")
		})
	}
}

// Where labs cannot be had, tests that need one are skipped and say why, and
// the others run.
func TestSkipping(t *testing.T) {
	t.Parallel()
	labtest.Need(t)
	for _, capability := range []string{"admin", "net"} {
		out, err := restricted(capability, "", "-test.v", "-test.run=^(TestAddresses|TestRemedy)$").CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- SKIP: TestAddresses")
		require.Contains(t, string(out), "lab: network namespaces are not available: ")
		require.Contains(t, string(out), "--- PASS: TestRemedy")
	}
}

func TestRemedy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		settings map[string]string
		root     bool
		want     []string
		not      string
	}{
		{nil, false, []string{"no setting", "seccomp", "go test -exec sudo"}, "sysctl"},
		{nil, true, []string{"no setting", "--privileged"}, "sudo"},
		{
			map[string]string{"kernel.apparmor_restrict_unprivileged_userns": "1", "user.max_user_namespaces": "7"},
			false,
			[]string{"AppArmor", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0", "go test -exec sudo"},
			"max_user",
		},
		{
			map[string]string{"kernel.unprivileged_userns_clone": "0", "user.max_user_namespaces": "0"},
			false,
			[]string{"sysctl -w kernel.unprivileged_userns_clone=1", "sysctl -w user.max_user_namespaces=10000"},
			"no setting",
		},
	} {
		text := lab.Remedy(tt.root, func(key string) string { return tt.settings[key] })
		for _, want := range tt.want {
			require.Contains(t, text, want)
		}
		require.NotContains(t, text, tt.not)
	}
}

// programEnv selects the program that the test binary is to be.
const programEnv = "LAB_TEST_PROGRAM"

// programs are what tests start to see how a program that builds labs ends.
var programs = map[string]func(){
	"wait":       func() { lab.Main(waitProgram) },
	"handle":     func() { lab.Main(handleProgram) },
	"enter":      enterProgram,
	"restricted": restrictedProgram,
}

// buildAndPrint builds a lab, prints what a careless program might leave behind,
// and then that it is ready.
func buildAndPrint() error {
	l, err := lab.New(lab.Options{})
	if err != nil {
		return err
	}
	if _, err := l.Client.Capture("eth0"); err != nil {
		return err
	}
	fmt.Println("process", os.Getpid())
	hosts := []*lab.Host{l.Client, l.Gateway, l.Balancer, l.Backends[0].Host, l.Backends[1].Host}
	for _, h := range hosts {
		err = errors.Join(err, h.Do(func() error { return printNamespace("/proc/thread-self/ns/net") }))
	}
	err = errors.Join(err, printNamespace("/proc/self/ns/net"))
	if err == nil {
		fmt.Println("ready")
	}
	return err
}

func printNamespace(path string) error {
	ns, err := os.Readlink(path)
	fmt.Println("namespace", ns)
	return err
}

// waitProgram waits to be ended, or for the end of its standard input.
func waitProgram() int {
	if err := buildAndPrint(); err != nil {
		fmt.Println(err)
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// handleProgram counts interrupts until it is terminated, and then has
// something left to say.
func handleProgram() int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if err := buildAndPrint(); err != nil {
		fmt.Println(err)
		return 1
	}
	interrupts := 0
	for s := range signals {
		if s == syscall.SIGTERM {
			break
		}
		interrupts++
		fmt.Println("interrupted")
	}
	fmt.Println("flushed after", interrupts)
	return 7
}

// enterProgram prints whether labs can be had.
func enterProgram() {
	err := lab.Enter()
	fmt.Println("process", os.Getpid())
	fmt.Println("unavailable", errors.Is(err, lab.ErrUnavailable))
	fmt.Println("same", err == lab.Available())
	if err != nil {
		fmt.Println(err)
	}
}

// restrictedProgram becomes the program named by its last argument, or the
// tests if that is empty, in a system that grants no namespaces: there may be
// no more user namespaces, and the capability that is the argument before the
// last is out of reach for good. It must be started in a user namespace.
func restrictedProgram() {
	capability := map[string]uintptr{"admin": unix.CAP_SYS_ADMIN, "net": unix.CAP_NET_ADMIN}
	args := os.Args[len(os.Args)-2:]
	err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0)
	runtime.LockOSThread() // the capability is taken from the thread that executes
	err = errors.Join(err, unix.Prctl(unix.PR_CAPBSET_DROP, capability[args[0]], 0, 0, 0))
	if err == nil {
		os.Setenv(programEnv, args[1])
		err = syscall.Exec("/proc/self/exe", os.Args[:len(os.Args)-2], os.Environ())
	}
	fmt.Println(err)
	os.Exit(1)
}
