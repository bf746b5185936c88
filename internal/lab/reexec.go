//go:build linux

package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// reportEnv names the environment variable that tells the second process the
// descriptor on which the first one waits for the outcome of its probe.
const reportEnv = "DSRUDP_LAB_REPORT"

// The first octet of a report; the text of an error follows.
const (
	granted = "+"
	refused = "-" // by the system
	failed  = "!" // for another reason
)

// report tells the first process the outcome of the probe. If it did not
// succeed the first process carries on alone, and this one ends.
func report(outcome error) {
	fd, err := strconv.Atoi(os.Getenv(reportEnv))
	if err != nil {
		return // not the second process, but one that it started
	}
	os.Unsetenv(reportEnv)
	f := os.NewFile(uintptr(fd), "report")
	defer f.Close()
	switch {
	case outcome == nil:
		io.WriteString(f, granted)
		return
	case isDenial(outcome):
		io.WriteString(f, refused+outcome.Error())
	default:
		io.WriteString(f, failed+outcome.Error())
	}
	os.Exit(1)
}

// reported returns the outcome that the report holds. Nothing is said by a
// process that ended before its probe, in a way that speaks for itself.
func reported(report string) error {
	switch {
	case report == "" || report == granted:
		return nil
	case strings.HasPrefix(report, refused):
		return fmt.Errorf("%w: %s", errDenied, report[1:])
	default:
		return errors.New(report[1:])
	}
}

// reexec runs the program again in new namespaces and exits as it did. It
// returns only if there can be no new namespaces.
func reexec(outside string) error {
	kinds := []uintptr{syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET}
	if os.Geteuid() == 0 {
		// Root does without a user namespace, which may be forbidden. In a
		// container it may have less power than one gives.
		kinds = append([]uintptr{syscall.CLONE_NEWNET}, kinds...)
	}
	var errs []error
	for _, flags := range kinds {
		code, err := runInside(flags, outside)
		if err == nil {
			os.Exit(code)
		}
		if !isDenial(err) {
			return err // a fault, which must not pass for a denial
		}
		errs = append(errs, err)
	}
	return unlessDenied(errors.Join(errs...))
}

// runInside runs the program in the namespaces of flags and returns its exit
// code, or why they could not be had.
func runInside(flags uintptr, outside string) (code int, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()

	cmd := exec.Command("/proc/self/exe")
	cmd.Args = os.Args
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{w} // descriptor 3
	cmd.Env = append(os.Environ(), outsideEnv+"="+outside, reportEnv+"=3")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: flags,
		Pdeathsig:  syscall.SIGKILL,
		// A group of its own keeps a terminal from sending it what it is sent
		// from here as well.
		Setpgid: true,
	}
	if flags&syscall.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
		// Without this the kernel does not let an ordinary user map its group.
		cmd.SysProcAttr.GidMappingsEnableSetgroups = false
	}

	// Before the start, so that no signal ends this process and leaves the
	// other one to be killed.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)

	// The parent whose death counts is the thread that starts the process. It
	// must not end before the process does.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Start()
	w.Close()
	if errors.Is(err, syscall.EINVAL) {
		err = fmt.Errorf("%w: %w", errors.ErrUnsupported, err) // what a kernel says that knows no such namespaces
	}
	if err != nil {
		return 0, fmt.Errorf("starting in new namespaces: %w", err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case s := <-signals:
				cmd.Process.Signal(s)
			case <-ended:
				return
			}
		}
	}()
	said, err := io.ReadAll(r)
	if err = errors.Join(err, exited(cmd.Wait()), reported(string(said))); err != nil {
		return 0, err
	}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// exited returns nil for a process that ended, however it did.
func exited(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}
