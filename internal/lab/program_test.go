//go:build linux

package lab_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// programEnv selects the program that the test binary is to be.
const programEnv = "LAB_TEST_PROGRAM"

// programs are what tests start to see how a program that builds labs ends.
var programs = map[string]func(){
	"exit":       func() { lab.Main(func() int { return 5 }) },
	"wait":       func() { lab.Main(waitProgram) },
	"handle":     func() { lab.Main(handleProgram) },
	"enter":      enterProgram,
	"restricted": restrictedProgram,
}

// buildAndTell builds a lab, tells what a careless program might leave behind,
// and then that it is ready.
func buildAndTell() error {
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
		err = errors.Join(err, h.Do(func() error { return tellNamespace("/proc/thread-self/ns/net") }))
	}
	err = errors.Join(err, tellNamespace("/proc/self/ns/net"))
	if err == nil {
		fmt.Println("ready")
	}
	return err
}

func tellNamespace(path string) error {
	ns, err := os.Readlink(path)
	fmt.Println("namespace", ns)
	return err
}

// waitProgram waits to be ended, or for the end of its standard input.
func waitProgram() int {
	if err := buildAndTell(); err != nil {
		fmt.Println(err)
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// handleProgram counts interrupts until it is told to terminate, and then has
// something left to say.
func handleProgram() int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if err := buildAndTell(); err != nil {
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

// enterProgram tells whether labs are to be had.
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
