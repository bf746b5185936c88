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

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrUnavailable is matched by the errors of a system that does not grant the
// namespaces a lab is made of. Their text says what was denied and how to
// allow it.
var ErrUnavailable = errors.New("network namespaces are not available")

// errNoLabs is why no lab can be built, or nil. It is set once, by Enter.
var errNoLabs = fmt.Errorf("lab: %w: the program must begin with lab.Main, a test binary with labtest.Main", ErrUnavailable)

// Available returns nil in a process that can build labs, and otherwise the
// reason: what Enter returned, or that it was not called.
func Available() error { return errNoLabs }

// Main runs a program that builds labs, and is the first call in its main
// function. It starts the program again in new user and network namespaces and
// waits for it there; in this second process it calls run. It does not return
// but exits with the result of run.
//
// Signals that ask the program to end (SIGINT, SIGTERM, SIGHUP, SIGQUIT) reach
// the second process once, also when a terminal sends them to all; if they end
// it, the exit status is 128 plus the signal's number. If the first process is
// killed, the kernel kills the second. The second process cannot read from a
// terminal.
//
// Root stays root and gets a new network namespace only. Where the system
// denies namespaces, Main says so on standard error and exits with 1.
func Main(run func() int) {
	if err := Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(run())
}

// Enter is Main for a program that has something to do also where labs cannot
// be had, such as running its other tests. It returns nil in the second
// process, and an error in the first process when there can be no second: one
// that matches [ErrUnavailable] if the system denies it, and not if something
// else went wrong. Otherwise it does not return.
func Enter() error {
	errNoLabs = enter()
	return errNoLabs
}

// outsideEnv names the environment variable with the network namespace outside, of
// a process started by Enter and of those it starts in turn, such as the workers of
// a fuzz test. A process in another one is inside.
const outsideEnv = "DSRUDP_LAB_OUTSIDE"

func enter() error {
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return fmt.Errorf("lab: looking for the own namespace: %w", err)
	}
	outside, started := os.LookupEnv(outsideEnv)
	_, second := os.LookupEnv(reportEnv)
	switch {
	case started && outside != own:
		err = probe()
	case second:
		// To try again would start one process after the other, for ever.
		err = fmt.Errorf("a new process is in the old namespace: %w", errors.ErrUnsupported)
	default:
		return reexec(own)
	}
	report(err)
	return unlessDenied(err)
}

// probe finds out whether what labs are made of is granted in this namespace,
// by making a host.
func probe() error {
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	defer nl.Close()
	// The loopback interface of this namespace is for tests that need no lab.
	if err := loopbackUp(nl); err != nil {
		return err
	}
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
		return fmt.Errorf("a kernel without IPv6: %w", errors.ErrUnsupported)
	}
	h, err := newHost("probe")
	if err != nil {
		return err
	}
	return h.Close()
}

// reportEnv names the environment variable with the second process's descriptor on
// which the first one waits for the outcome of its probe.
const reportEnv = "DSRUDP_LAB_REPORT"

// The first octet of the report of a failure; the text of the error follows.
const (
	refused = "-" // by the system
	failed  = "!" // for another reason
)

// report writes the outcome of the probe for the first process. If it did not
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
		return
	case isDenial(outcome):
		io.WriteString(f, refused+outcome.Error())
	default:
		io.WriteString(f, failed+outcome.Error())
	}
	os.Exit(1)
}

// reported returns the outcome that the report holds. It is empty after a probe that
// succeeded, and of a process that ended before it, whose status shows why.
func reported(report string) error {
	switch {
	case report == "":
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
	var denied error
	for _, flags := range kinds {
		code, err := runInside(flags, outside)
		if err == nil {
			os.Exit(code)
		}
		if !isDenial(err) {
			return err // a fault, which must not pass for a denial
		}
		if denied != nil {
			err = fmt.Errorf("%w; %w", denied, err)
		}
		denied = err
	}
	return unlessDenied(denied)
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

// unlessDenied returns err, and if it says that the system denies something
// needed to make namespaces, then with [ErrUnavailable] and what to do. Any
// other error is a fault, on which tests must fail and not be skipped.
func unlessDenied(err error) error {
	if !isDenial(err) {
		return err
	}
	return fmt.Errorf("lab: %w: %w: %s", ErrUnavailable, err, remedy(os.Geteuid() == 0, readSysctl))
}

// isDenial says whether err is the answer of a system that forbids namespaces
// or lacks them: denied by permission or by a read-only /proc/sys, used up
// (which a limit of none looks like), or not part of the kernel.
func isDenial(err error) bool {
	for _, denial := range []error{
		os.ErrPermission, syscall.EROFS, syscall.ENOSPC, syscall.EUSERS, errors.ErrUnsupported, errDenied,
	} {
		if errors.Is(err, denial) {
			return true
		}
	}
	return false
}

// errDenied marks a denial that the second process met and reported.
var errDenied = errors.New("denied in the new namespaces")

// remedy says how to allow namespaces, by what the system shows of its
// settings. The reader returns a kernel parameter, or "" where it is unknown.
func remedy(root bool, read func(key string) string) string {
	var causes []string
	for _, s := range []struct{ key, forbidding, allowing, what string }{
		{"user.max_user_namespaces", "0", "10000", "there may be no user namespaces"},
		{"kernel.unprivileged_userns_clone", "0", "1", "ordinary users may not make user namespaces"},
		{"kernel.apparmor_restrict_unprivileged_userns", "1", "0", "AppArmor takes the capabilities from user namespaces of ordinary users (Ubuntu 23.10 and later)"},
	} {
		if read(s.key) == s.forbidding {
			causes = append(causes, s.what+" (to allow them: sudo sysctl -w "+s.key+"="+s.allowing+")")
		}
	}
	if len(causes) == 0 {
		causes = []string{"no setting of the kernel forbids them, the seccomp or AppArmor profile of a container may"}
	}
	if root {
		causes = append(causes, "this root lacks CAP_SYS_ADMIN or CAP_NET_ADMIN, which a container has when started with --privileged")
	} else {
		causes = append(causes, "as root it works anyway (a program with sudo, tests with go test -exec sudo)")
	}
	return strings.Join(causes, "; ")
}

func readSysctl(key string) string {
	b, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(key, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
