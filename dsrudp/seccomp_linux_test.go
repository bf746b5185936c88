//go:build linux && (amd64 || arm64)

package dsrudp_test

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestNoNetlink: in a sandbox that forbids netlink sockets there is no guard, so
// the kernel keeps its own: what needs none works, and what would take the
// kernel's away is refused when listening.
func TestNoNetlink(t *testing.T) {
	const child = "DSRUDP_TEST_NO_NETLINK"
	if os.Getenv(child) == "" {
		ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestNoNetlink$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	forbidNetlink(t)
	_, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	require.ErrorIs(t, err, unix.EPERM)

	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		x, y := dialOnePort(t, c, vips[0], vips[1])
		ask(t, c, carrying["ReadFrom"], x, y)
	}
	c := listen(t, "udp6", ":0")
	x := dialVIP(t, c, netip.IPv6Loopback())
	write(t, x, "1")
	_, p, err := c.ReadPacket(make([]byte, 1))
	require.NoError(t, err)
	_, err = c.WritePacket([]byte("2"), p)
	require.NoError(t, err)
	require.Equal(t, "2", read(t, x))
	// The kernel's guard is in force.
	_, err = c.WritePacket([]byte("bad"), dsrudp.Path{Local: netip.MustParseAddrPort("[2001:db8::77]:0"), Remote: p.Remote})
	require.ErrorIs(t, err, unix.EINVAL)

	for _, network := range []string{"udp", "udp6"} {
		_, err = (&dsrudp.ListenConfig{FreeBind: true}).ListenPacket(t.Context(), network, "[::]:0")
		require.ErrorContains(t, err, "IP_FREEBIND")
		require.ErrorIs(t, err, unix.EPERM)
	}
}

// forbidNetlink makes socket(AF_NETLINK) fail with EPERM for all threads from now
// on, see seccomp(2).
func forbidNetlink(t *testing.T) {
	t.Helper()
	const offsetNr, offsetArg0 = 0, 16 // in struct seccomp_data, low half of the argument
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offsetNr},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 3, K: unix.SYS_SOCKET},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offsetArg0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.AF_NETLINK},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread() // both calls on one thread; the second is for all
	defer runtime.UnlockOSThread()
	require.NoError(t, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	require.Zero(t, errno)
}
