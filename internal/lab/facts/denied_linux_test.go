package facts_test

import (
	"net/netip"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// denyNetlink makes socket(AF_NETLINK) fail on the calling thread from now on, as the
// RestrictAddressFamilies of a systemd unit does for a process. See seccomp(2).
func denyNetlink() error {
	runtime.LockOSThread()
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	unless := func(value uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: skip, K: value}
	}
	const call, domain = 0, 16 // offsets in struct seccomp_data
	filter := []unix.SockFilter{
		load(call), unless(unix.SYS_SOCKET, 3),
		load(domain), unless(unix.AF_NETLINK, 1),
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0)
}

// Where the process may open no netlink socket, an IPv6 VIP that is only a local route can
// be neither bound nor answered from, and the errors say why. All else works.
func TestT8_NetlinkDenied(t *testing.T) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("the filter is for the calls of amd64 and arm64")
	}
	s := newCable(t)
	requireDenied := func(t *testing.T, err error, op string, errno error) {
		t.Helper()
		requireOp(t, err, op)
		for _, want := range []error{dsrudp.ErrNotLocal, errno, unix.EAFNOSUPPORT} {
			require.ErrorIs(t, err, want)
		}
		require.ErrorContains(t, err, "an IPv6 address that is only a local route needs a netlink socket")
		require.ErrorContains(t, err, "AF_NETLINK")
	}
	for _, network := range networks6 {
		t.Run("dsrudp/"+network, func(t *testing.T) {
			var c *dsrudp.Conn
			require.NoError(t, s.server.Do(func() (err error) {
				if err := denyNetlink(); err != nil {
					return err
				}
				_, err = dsrudp.ListenPacket(network, address(vips6[0]))
				requireDenied(t, err, "listen", unix.EADDRNOTAVAIL)
				_, err = dsrudp.ListenPacket("udp4", address(foreign4))
				require.ErrorIs(t, err, unix.EADDRNOTAVAIL)
				require.NotErrorIs(t, err, dsrudp.ErrNotLocal, "IPv4 needs no netlink")
				c, err = dsrudp.ListenPacket(network, address(netip.Addr{}))
				return err
			}))
			bounded(t, c)
			for i, w := range ways {
				client, never := s.dial(t, vips6[0]), unique("never to leave")
				s.ask(t, client)
				r, err := w.receive(c)
				require.NoError(t, err)
				requireDenied(t, r.answer(never), "write", unix.EINVAL)
				require.EqualValues(t, i+1, c.Stats().Refused, w.name)
				s.requireNotSent(t, never)
				s.requireAnswered(t, c, w, s.dial(t, server6))
				if network == "udp" {
					s.requireAnswered(t, c, w, s.dial(t, vips4[0]))
				}
			}
			failed := make(chan error, 1)
			serve(t, &dsrudp.Server{
				OnError: func(_ dsrudp.Path, err error) { failed <- err },
				Handler: echo(t),
			}, c)
			s.ask(t, s.dial(t, vips6[0]))
			requireDenied(t, await(t, failed), "write", unix.EINVAL)
			require.Zero(t, failures(c))
		})
	}
}
