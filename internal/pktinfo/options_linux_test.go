package pktinfo_test

import (
	"os"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestFamilyOf(t *testing.T) {
	for _, f := range []pktinfo.Family{pktinfo.IPv4, pktinfo.IPv6, pktinfo.Dual} {
		s := open(t, f)
		got, err := pktinfo.FamilyOf(uintptr(s.fd))
		require.NoError(t, err)
		require.Equal(t, f, got, "before bind")
		s.bind(wildcard(f))
		got, err = pktinfo.FamilyOf(uintptr(s.fd))
		require.NoError(t, err)
		require.Equal(t, f, got, "after bind")
	}
}

func TestFamilyOfOther(t *testing.T) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	_, err = pktinfo.FamilyOf(uintptr(fd))
	require.ErrorContains(t, err, "address family 1")

	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	_, err = pktinfo.FamilyOf(r.Fd())
	require.ErrorIs(t, err, unix.ENOTSOCK)
}

// options are the socket options that Enable may touch.
func options(s socket) (ip, ipv6 int) {
	s.t.Helper()
	ip, err := unix.GetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_PKTINFO)
	require.NoError(s.t, err)
	ipv6, err = unix.GetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO)
	if err != nil {
		ipv6 = -1 // an AF_INET socket
	}
	return ip, ipv6
}

func TestEnableDisable(t *testing.T) {
	for f, on := range map[pktinfo.Family][2]int{
		pktinfo.IPv4: {1, -1},
		pktinfo.IPv6: {0, 1},
		pktinfo.Dual: {1, 1},
	} {
		t.Run(f.String(), func(t *testing.T) {
			s := open(t, f)
			require.NoError(t, pktinfo.Enable(uintptr(s.fd), f))
			ip, ipv6 := options(s)
			require.Equal(t, on, [2]int{ip, ipv6})

			require.NoError(t, pktinfo.Disable(uintptr(s.fd), f))
			ip, ipv6 = options(s)
			require.Equal(t, [2]int{0, min(on[1], 0)}, [2]int{ip, ipv6})
		})
	}
}

// K3.5: an AF_INET socket has no IPv6 options.
func TestEnableWrongFamily(t *testing.T) {
	s := open(t, pktinfo.IPv4)
	for _, f := range []pktinfo.Family{pktinfo.IPv6, pktinfo.Dual} {
		err := pktinfo.Enable(uintptr(s.fd), f)
		require.ErrorIs(t, err, unix.ENOPROTOOPT)
		require.ErrorContains(t, err, "IPV6_RECVPKTINFO")
	}
	require.ErrorContains(t, pktinfo.Enable(uintptr(s.fd), 0), "none of the socket families")
	ip, _ := options(s)
	require.Zero(t, ip)
}
