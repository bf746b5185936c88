package mmsg_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// control calls f with the descriptor.
func control(t *testing.T, s *mmsg.Socket, f func(fd uintptr)) {
	t.Helper()
	require.NoError(t, s.Control(func(fd uintptr) error { f(fd); return nil }))
}

var networks = []string{"udp4", "udp6", "udp"}

// TestOptions: an option that is set is set, on every kind of socket that has it.
func TestOptions(t *testing.T) {
	for _, network := range networks {
		s, _ := socket(t, network, ":0")
		value := func(fd uintptr, level, option int) int {
			v, err := unix.GetsockoptInt(int(fd), level, option)
			require.NoError(t, err)
			return v
		}
		control(t, s, func(fd uintptr) {
			ipv4, ipv6 := mmsg.Unguarded(fd)
			require.False(t, ipv4)
			require.False(t, ipv6)
			require.NoError(t, mmsg.SetFreeBind(fd))
			require.NotZero(t, value(fd, unix.IPPROTO_IP, unix.IP_FREEBIND))
			ipv4, ipv6 = mmsg.Unguarded(fd)
			require.False(t, ipv4)
			require.True(t, ipv6)
			require.NoError(t, unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_FREEBIND, 0))
			if err := unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TRANSPARENT, 1); err == nil { // a privilege
				ipv4, ipv6 = mmsg.Unguarded(fd)
				require.True(t, ipv4)
				require.True(t, ipv6)
			}

			require.NoError(t, mmsg.SetReusePort(fd))
			require.NotZero(t, value(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT))

			require.False(t, mmsg.HasGRO(fd))
			require.NoError(t, mmsg.SetGRO(fd))
			require.True(t, mmsg.HasGRO(fd))

			v4, v6 := network != "udp6", network != "udp4"
			require.NoError(t, mmsg.SetReceiveClass(fd, v4, v6))
			require.Equal(t, v4, value(fd, unix.IPPROTO_IP, unix.IP_RECVTOS) != 0)
			if v6 {
				require.NotZero(t, value(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS))
			} else {
				require.ErrorIs(t, mmsg.SetReceiveClass(fd, false, true), unix.ENOPROTOOPT)
			}

			require.Zero(t, mmsg.Class(fd, true))
			require.Zero(t, mmsg.Class(fd, false))
			require.NoError(t, unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, 0xb8))
			require.EqualValues(t, 0xb8, mmsg.Class(fd, true))
			if v6 {
				require.NoError(t, unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0x48))
				require.EqualValues(t, 0x48, mmsg.Class(fd, false))
			}
		})
	}
	require.True(t, mmsg.HasClass)
}

// TestQueue: the memory is of what is queued, the count of what did not fit.
func TestQueue(t *testing.T) {
	s, c := socket(t, "udp4", "127.0.0.1:0")
	require.NoError(t, c.SetReadBuffer(1)) // the least there is
	queue := func() (bytes, drops uint32) {
		control(t, s, func(fd uintptr) {
			ok := false
			bytes, drops, ok = mmsg.Queue(fd)
			require.True(t, ok)
		})
		return bytes, drops
	}
	bytes, drops := queue()
	require.Zero(t, bytes)
	require.Zero(t, drops)
	const sent = 100
	x, _ := local(t)
	for range sent {
		send(t, x, addrOf(c, "127.0.0.1"), string(make([]byte, 1000)))
	}
	full, drops := queue()
	in, _ := inbound(s, 1, 1000)
	queued := 0
	for ; ; queued++ {
		n, err := in.Poll()
		require.NoError(t, err)
		if n == 0 {
			break
		}
	}
	require.NotEqual(t, sent, queued)
	require.EqualValues(t, sent-queued, drops)
	require.Greater(t, int(full), 1000*queued)
	_, drops = queue()
	require.EqualValues(t, sent-queued, drops)
}

// TestInterfaces compares with net, whose answers for this namespace are right.
func TestInterfaces(t *testing.T) {
	ifis, err := net.Interfaces()
	if err != nil {
		t.Skipf("netlink is denied: %v", err) // by which net asks
	}
	require.NotEmpty(t, ifis)
	for _, network := range networks {
		s, _ := socket(t, network, ":0")
		control(t, s, func(fd uintptr) {
			for _, ifi := range ifis {
				name, ok := mmsg.InterfaceName(fd, uint32(ifi.Index))
				require.True(t, ok)
				require.Equal(t, ifi.Name, name)
				index, ok := mmsg.InterfaceIndex(fd, ifi.Name)
				require.True(t, ok)
				require.EqualValues(t, ifi.Index, index)
			}
			_, ok := mmsg.InterfaceName(fd, 1<<31-7)
			require.False(t, ok)
			for _, name := range []string{"", "no such", "an interface's name cannot be as long as this"} {
				_, ok = mmsg.InterfaceIndex(fd, name)
				require.False(t, ok, name)
			}
		})
	}
}

// TestPromise3_InterfaceAddr: an interface has the address that is wanted, else the first
// one, under whatever label.
func TestPromise3_InterfaceAddr(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	addrs := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3")}
	s, _ := socket(t, "udp6", "[::]:0")
	x, _ := socket(t, "udp4", ":0")
	control(t, s, func(fd uintptr) {
		_, ok := mmsg.InterfaceAddr(fd, "lo", addrs[0])
		require.False(t, ok)
	})
	control(t, x, func(fd uintptr) {
		for i, label := range []string{"lo", "lo:1"} {
			r, err := unix.NewIfreq(label)
			require.NoError(t, err)
			require.NoError(t, r.SetInet4Addr(addrs[i].AsSlice()))
			require.NoError(t, unix.IoctlIfreq(int(fd), unix.SIOCSIFADDR, r))
		}
	})
	control(t, s, func(fd uintptr) {
		for want, is := range map[netip.Addr]netip.Addr{addrs[0]: addrs[0], addrs[1]: addrs[1], addrs[2]: addrs[0]} {
			got, ok := mmsg.InterfaceAddr(fd, "lo", want)
			require.True(t, ok)
			require.Equal(t, is, got)
		}
		_, ok := mmsg.InterfaceAddr(fd, "l", addrs[0])
		require.False(t, ok)
	})
}
