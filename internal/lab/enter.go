//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"

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

// outsideEnv names the environment variable that tells a process started by
// Enter, and those it starts in turn, such as the workers of a fuzz test, the
// network namespace outside. A process in another one is inside.
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
