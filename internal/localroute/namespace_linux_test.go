package localroute_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
)

const (
	inChild    = "LOCALROUTE_TEST_NAMESPACE"
	exitNoCaps = 77
)

// inNamespace runs the calling test again, in a process of its own with its
// own user and network namespaces, where it may do as it likes. It returns
// true there, with lo up, and false in the process that waits for it.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inChild) != "" {
		c := newConfig(t)
		if err := c.try(unix.RTM_NEWLINK, 0, ifinfo(lo, unix.IFF_UP, unix.IFF_UP)); err != nil {
			fmt.Printf("user namespaces have no capabilities here (bringing lo up: %v)\n", err)
			os.Exit(exitNoCaps)
		}
		return true
	}

	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), inChild+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Skipf("no user and network namespaces for tests here: %v", err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitNoCaps {
		t.Skip(output.String())
	}
	require.NoError(t, err, output.String())
	if bytes.Contains(output.Bytes(), []byte("--- SKIP: "+t.Name())) {
		t.Skip(output.String())
	}
	require.Contains(t, output.String(), "--- PASS: "+t.Name())
	return false
}

const lo = 1 // the index of the loopback interface in every namespace

// udpSocket opens a socket in the namespace of the process.
func udpSocket(t *testing.T) uintptr {
	t.Helper()
	fd, err := newUDP()
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return uintptr(fd)
}

func newUDP() (int, error) { return unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) }

// elsewhere makes another network namespace and returns a socket of it, which
// is what it then lives by, and the means to change it. lo is up there.
func elsewhere(t *testing.T) (uintptr, *config) {
	t.Helper()
	var udp, rtnl int
	var errs [3]error
	localroute.OnThrowawayThread(func() {
		errs[0] = unix.Unshare(unix.CLONE_NEWNET)
		udp, errs[1] = newUDP()
		rtnl, errs[2] = newRTNL()
	})
	require.NoError(t, errors.Join(errs[:]...))
	t.Cleanup(func() {
		unix.Close(udp)
		unix.Close(rtnl)
	})
	c := &config{t: t, fd: rtnl}
	c.up(lo)
	return uintptr(udp), c
}
