package sockopt

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestSpoils(t *testing.T) {
	for release, want := range map[string]bool{
		"6.18.5": false, "6.18": false, "7.0.0": true, "7.0": true, "7.0.14-generic": true, "7.1": true, "7.1-rc3": true,
		"7.1.4": true, "7.1.4-amd64": true, "7.1.5": false, "7.1.5+": false, "7.2.0": false, "8.0.1": false, "": false, "x": false,
	} {
		require.Equal(t, want, spoils(release), release)
	}
}

// TestDrops: the count is of the datagrams that did not fit.
func TestDrops(t *testing.T) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetReadBuffer(1)) // the least there is
	x, err := net.DialUDP("udp4", nil, c.LocalAddr().(*net.UDPAddr))
	require.NoError(t, err)
	defer x.Close()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	const sent = 100
	for range sent {
		_, err := x.Write(make([]byte, 1000))
		require.NoError(t, err)
	}
	require.NoError(t, raw.Control(func(fd uintptr) {
		queued := 0
		for {
			_, _, err := unix.Recvfrom(int(fd), make([]byte, 2000), unix.MSG_DONTWAIT)
			if err != nil {
				require.Equal(t, unix.EAGAIN, err)
				break
			}
			queued++
		}
		require.NotEqual(t, sent, queued)
		drops, ok := Drops(fd)
		require.True(t, ok)
		require.EqualValues(t, sent-queued, drops)
	}))
}

// TestClass: the socket's own class is read back, and 0 where there is none.
func TestClass(t *testing.T) {
	for _, network := range []string{"udp4", "udp6", "udp"} {
		c, err := net.ListenUDP(network, nil)
		require.NoError(t, err)
		defer c.Close()
		raw, err := c.SyscallConn()
		require.NoError(t, err)
		require.NoError(t, raw.Control(func(fd uintptr) {
			require.Zero(t, Class(fd, true))
			require.Zero(t, Class(fd, false))
			require.NoError(t, unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, 0xb8))
			require.EqualValues(t, 0xb8, Class(fd, true))
			if network != "udp4" {
				require.NoError(t, unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0x48))
				require.EqualValues(t, 0x48, Class(fd, false))
			}
		}))
	}
}
