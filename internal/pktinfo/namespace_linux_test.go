package pktinfo_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const namespaceEnv = "PKTINFO_TEST_NAMESPACE"

// inNamespace runs the calling test again in a network namespace of its own,
// in a child process because a user namespace, which spares the test root's
// rights, takes a process. It reports whether the caller is that child; the
// parent has nothing left to do.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(namespaceEnv) != "" {
		up(t)
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), namespaceEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) {
		t.Skipf("this host gives no unprivileged user namespace: %v", err)
	}
	require.NoError(t, err, "%s", out)
	if strings.Contains(string(out), "--- SKIP") {
		t.Skipf("%s", out)
	}
	return false
}

// up brings the loopback interface of a fresh namespace up.
func up(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	require.NoError(t, err)
	ifr.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err == unix.EPERM {
		t.Skip("this host gives a user namespace, but no rights in it: bringing lo up gives EPERM")
	} else {
		require.NoError(t, err)
	}
}

// routeLocal makes all addresses of a prefix the host's, as
// "ip route add local PREFIX dev lo" does (rtnetlink(7)).
func routeLocal(t *testing.T, prefix netip.Prefix) {
	t.Helper()
	family := byte(unix.AF_INET)
	if prefix.Addr().Is6() {
		family = unix.AF_INET6
	}
	e := binary.NativeEndian
	attr := func(b []byte, typ uint16, value []byte) []byte {
		b = e.AppendUint16(b, uint16(4+len(value)))
		b = e.AppendUint16(b, typ)
		return append(b, value...)
	}
	b := make([]byte, 16)
	b = append(b, family, byte(prefix.Bits()), 0, 0,
		unix.RT_TABLE_LOCAL, unix.RTPROT_STATIC, unix.RT_SCOPE_HOST, unix.RTN_LOCAL, 0, 0, 0, 0)
	b = attr(b, unix.RTA_DST, prefix.Addr().AsSlice())
	b = attr(b, unix.RTA_OIF, e.AppendUint32(nil, loopback()))
	e.PutUint32(b, uint32(len(b)))
	e.PutUint16(b[4:], unix.RTM_NEWROUTE)
	e.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE)

	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	require.NoError(t, err)
	defer unix.Close(fd)
	require.NoError(t, unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	require.NoError(t, err)
	require.GreaterOrEqual(t, n, 20)
	require.Zero(t, int32(e.Uint32(answer[16:])), "errno of adding the route for %v", prefix)
}
