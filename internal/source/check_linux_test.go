package source_test

import (
	"errors"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/source"
)

// guards are Configs that differ in who validates a source.
func guards(t *testing.T) map[string]source.Config {
	t.Helper()
	c := config(t, "udp", ":0")
	needGuard(t, c)
	all, none, kernel := c, c, c
	all.Guard4 = true
	none.Guard, none.Guard6 = nil, false
	kernel.Guard6 = false
	denied := none
	denied.Denied = os.NewSyscallError("socket AF_NETLINK", syscall.EPERM)
	return map[string]source.Config{"guard": c, "both": all, "none": none, "kernel": kernel, "denied": denied}
}

// TestPromise5_Check: a datagram may leave from what is local to the host, as far as the
// kernel does not see to that itself (K2.5 to K2.8).
func TestPromise5_Check(t *testing.T) {
	away, away6 := netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("2001:db8::9")
	for name, c := range guards(t) {
		guard6, guard4 := name == "guard" || name == "both", name == "both"
		for _, tc := range []struct {
			local, remote netip.Addr
			why           string
			only          bool // where that is true
		}{
			{netip.Addr{}, away, "", true},
			{netip.IPv6Unspecified(), away6, "", true},
			{vip, one, "", true},
			{one6, one6, "", true},
			{one6, netip.IPv6Unspecified(), "", true},
			{one6, away6, "loopback", true},
			{foreign6, one6, "no address or local route of this host", guard6},
			{netip.MustParseAddr("fe80::77"), one6, "no address or local route", guard6},
			{foreign, one, "no address or local route in the table local", guard4},
			{netip.MustParseAddr("127.255.255.255"), one, "no address or local route", guard4},
		} {
			h := source.Header{Local: source.Local{Addr: tc.local, Ifindex: 1}, Remote: addrOf(tc.remote, 0)}
			err := source.New(c).Check(&h)
			if !tc.only {
				tc.why = ""
			}
			requireWhy(t, err, tc.why, nil)
			if err != nil {
				require.Contains(t, err.Error(), tc.local.String()+" to "+tc.remote.String(), name)
			}
		}
	}
}

// TestT14_BoundToLoopback: what a socket bound to a loopback address may send to other hosts
// is for the kernel to say.
func TestT14_BoundToLoopback(t *testing.T) {
	for _, network := range []string{"udp4", "udp6"} {
		own, away := one, netip.MustParseAddr("198.51.100.9")
		if network == "udp6" {
			own, away = one6, netip.MustParseAddr("2001:db8::9")
		}
		s := source.New(config(t, network, netip.AddrPortFrom(own, 0).String()))
		h := source.Header{Local: source.Local{Addr: own}, Remote: addrOf(away, 0)}
		require.NoError(t, s.Check(&h))
		einval := os.NewSyscallError("sendmsg", syscall.EINVAL)
		require.Equal(t, einval, s.Explain(einval, &h))
	}
}

// TestPromise5_NotAsked: where the kernel cannot be asked, nothing may leave that it does
// not validate.
func TestPromise5_NotAsked(t *testing.T) {
	c := config(t, "udp", ":0")
	needGuard(t, c)
	s := source.New(c)
	h := source.Header{Local: source.Local{Addr: one6}, Remote: addrOf(one6, 0)}
	require.NoError(t, s.Check(&h))
	require.NoError(t, c.Guard.Close())
	err := s.Check(&h)
	requireWhy(t, err, "could not be asked", nil)
	require.ErrorIs(t, err, os.ErrClosed)
	h = source.Header{Local: source.Local{Addr: vip}, Remote: addrOf(one, 0)}
	require.NoError(t, s.Check(&h), "the kernel validates it")
}

// TestT8_BindError: where the kernel cannot be asked, an address that no interface has may
// be a local route.
func TestT8_BindError(t *testing.T) {
	denied := os.NewSyscallError("socket AF_NETLINK", syscall.EPERM)
	notAvailable, inUse := os.NewSyscallError("bind", syscall.EADDRNOTAVAIL), os.NewSyscallError("bind", syscall.EADDRINUSE)
	require.Equal(t, notAvailable, source.BindError(notAvailable, nil))
	require.Equal(t, inUse, source.BindError(inUse, denied))
	err := source.BindError(notAvailable, denied)
	for _, want := range []error{source.ErrNotLocal, denied, notAvailable} {
		require.ErrorIs(t, err, want)
	}
}

// TestExplain: a send that the kernel refused is ErrNotLocal where the source was the cause,
// and else the kernel's own error (K8.3).
func TestExplain(t *testing.T) {
	away, away6 := netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("2001:db8::9")
	einval, unreachable := os.NewSyscallError("sendmsg", syscall.EINVAL), os.NewSyscallError("sendmsg", syscall.ENETUNREACH)
	notAvailable, denied := os.NewSyscallError("sendmsg", syscall.EADDRNOTAVAIL), os.NewSyscallError("sendmsg", syscall.EPERM)
	all := guards(t)
	for _, tc := range []struct {
		guard         string
		local, remote netip.Addr
		err           error
		why           string
	}{
		{"guard", foreign, one, unreachable, "no address or local route in the table local"},
		{"guard", foreign, one, einval, "no address or local route"},
		{"guard", foreign6, one6, einval, "no address or local route"},
		{"guard", foreign, one, denied, ""},
		{"guard", vip, one, einval, ""}, // a blackhole route
		{"guard", one6, one6, unreachable, ""},
		{"guard", netip.Addr{}, one, einval, ""},
		{"guard", netip.IPv6Unspecified(), one6, einval, ""},
		{"guard", netip.MustParseAddr("224.0.0.1"), one, einval, "group"},
		{"guard", netip.MustParseAddr("255.255.255.255"), one, einval, "group"},
		{"guard", one, away, einval, "loopback"},
		{"guard", one, vip, einval, ""},
		{"guard", one6, away6, unreachable, "loopback"},
		{"none", foreign, one, notAvailable, "no address or local route"},
		{"none", foreign, one, einval, ""},
		{"none", foreign6, one6, einval, ""},
		{"none", one, away, einval, "loopback"},
		{"denied", foreign6, one6, einval, "socket AF_NETLINK"},
		{"denied", foreign6, one6, unreachable, ""},
		{"denied", foreign, one, einval, ""},
	} {
		h := source.Header{Local: source.Local{Addr: tc.local}, Remote: addrOf(tc.remote, 0)}
		err := source.New(all[tc.guard]).Explain(tc.err, &h)
		requireWhy(t, err, tc.why, tc.err)
		require.ErrorIs(t, err, tc.err)
		if tc.why == "" {
			require.Equal(t, tc.err, err)
		} else if tc.guard != "denied" {
			require.Equal(t, tc.err, errors.Unwrap(err))
		}
	}
}

// TestPromise12_NoSocket: where no socket can be made an address is taken for the host's, until
// there are sockets again.
func TestPromise12_NoSocket(t *testing.T) {
	c := config(t, "udp", ":0")
	c.Guard = nil
	s := source.New(c)
	var files unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &files))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Max: files.Max}))
	local := s.IsLocal(foreign6, 0)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &files))
	require.True(t, local)
	require.False(t, s.IsLocal(foreign6, 0))
}
