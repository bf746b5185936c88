package dsrudp_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// everything is every option of KERNEL row K5 that an ordinary user may set on a
// dual-stack socket.
var everything = [][2]int{
	{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS},
	{unix.SOL_SOCKET, unix.SO_RXQ_OVFL},
	{unix.SOL_SOCKET, unix.SO_RCVMARK},
	{unix.SOL_SOCKET, unix.SO_RCVPRIORITY},
	{unix.IPPROTO_IP, unix.IP_RECVTTL},
	{unix.IPPROTO_IP, unix.IP_RECVTOS},
	{unix.IPPROTO_IP, unix.IP_RECVORIGDSTADDR},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVORIGDSTADDR},
}

// TestControlMessages (K5): with all other options on, the path is still known,
// whatever the size of the caller's buffer, and the caller gets what net gives.
func TestControlMessages(t *testing.T) {
	for _, network := range []string{"udp4", "udp"} {
		c := listen(t, network, ":0")
		u, err := net.ListenUDP(network, nil)
		require.NoError(t, err)
		defer u.Close()
		require.NoError(t, u.SetDeadline(time.Now().Add(patience)))
		opts := everything[1:] // without the time, which differs
		if network == "udp4" {
			opts = opts[:6]
		}
		setsockopts(t, c, opts...)
		setsockopts(t, u, opts...)
		setsockopts(t, u, [2]int{unix.IPPROTO_IP, unix.IP_PKTINFO})
		if network == "udp" {
			setsockopts(t, u, [2]int{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO})
		}
		x, v := dialVIP(t, c, vips[1]), dialVIP(t, u, vips[1])
		full := 0
		for size := range 700 {
			b, want, got := make([]byte, 16), make([]byte, size), make([]byte, size)
			write(t, v, "1")
			n, oobn, flags, _, err := u.ReadMsgUDPAddrPort(b, want)
			require.NoError(t, err)
			write(t, x, "1")
			n2, oobn2, flags2, a, err := c.ReadMsgUDP(b, got)
			require.NoError(t, err)
			require.Equal(t, n, n2)
			require.Equal(t, oobn, oobn2, "size %d", size)
			require.Equal(t, flags, flags2, "size %d", size)
			requireSameMessages(t, want[:oobn], got[:oobn2])
			p, ok := dsrudp.PathOf(a)
			require.True(t, ok, "size %d", size)
			require.Equal(t, vips[1], p.Local.Addr())
			full = max(full, oobn)
		}
		require.Greater(t, full, 100)
		require.Zero(t, c.Stats().LostPath)
		require.Zero(t, c.Stats().ControlTruncated)
	}
}

// TestNoControlMessagesWanted: a caller that set no options and has no buffer for
// control messages is not told that some were cut, as it is not by net.
func TestNoControlMessagesWanted(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	_, oobn, flags, _, err := c.ReadMsgUDP(make([]byte, 16), nil)
	require.NoError(t, err)
	require.Zero(t, oobn)
	require.Zero(t, flags)

	setsockopts(t, c, [2]int{unix.IPPROTO_IP, unix.IP_RECVTOS})
	write(t, x, "2")
	_, _, flags, _, err = c.ReadMsgUDP(make([]byte, 16), nil)
	require.NoError(t, err)
	require.Equal(t, unix.MSG_CTRUNC, flags)
}

// TestOwnControlMessages: control messages of the caller's own go with the
// datagram, and the known source beside them.
func TestOwnControlMessages(t *testing.T) {
	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		x := dialVIP(t, c, vips[0])
		setsockopts(t, x, [2]int{unix.IPPROTO_IP, unix.IP_RECVTOS})
		write(t, x, "1")
		_, _, _, a, err := c.ReadMsgUDP(make([]byte, 16), nil)
		require.NoError(t, err)

		const ect1 = 1
		tos := make([]byte, unix.CmsgSpace(4))
		h := cmsghdr(tos, unix.IPPROTO_IP, unix.IP_TOS, 4)
		h[0] = ect1
		n, oobn, err := c.WriteMsgUDP([]byte("2"), tos, a)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, len(tos), oobn)

		oob := make([]byte, 64)
		_, oobn, _, _, err = x.ReadMsgUDP(make([]byte, 16), oob)
		require.NoError(t, err)
		ms, err := unix.ParseSocketControlMessage(oob[:oobn])
		require.NoError(t, err)
		require.Len(t, ms, 1)
		require.EqualValues(t, ect1, ms[0].Data[0])
	}
}

// TestMalformedControlMessages: what the kernel would refuse is refused, and
// nothing leaves.
func TestMalformedControlMessages(t *testing.T) {
	c := listen(t, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	_, a, err := c.ReadFromUDP(make([]byte, 16))
	require.NoError(t, err)
	long := make([]byte, unix.CmsgSpace(16))
	cmsghdr(long, unix.IPPROTO_IP, unix.IP_PKTINFO, 16)
	_, _, err = c.WriteMsgUDP([]byte("bad"), long, a)
	require.ErrorIs(t, err, unix.EINVAL)
	_, _, err = c.WriteMsgUDP([]byte("bad"), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}, a)
	require.ErrorIs(t, err, unix.EINVAL)
	_, err = c.WriteTo([]byte("good"), a)
	require.NoError(t, err)
	require.Equal(t, "good", read(t, x))
}

// TestRequestedSourceWins: a source in the caller's control messages wins over
// the carried one, under the same guard.
func TestRequestedSourceWins(t *testing.T) {
	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		x, y := dialOnePort(t, c, vips[0], vips[1])
		write(t, x, "1")
		_, _, _, a, err := c.ReadMsgUDP(make([]byte, 16), nil)
		require.NoError(t, err)
		info := make([]byte, unix.CmsgSpace(12))
		d := cmsghdr(info, unix.IPPROTO_IP, unix.IP_PKTINFO, 12)
		// An index that would lose the datagram: it must be left out.
		d[0] = 1
		other := vips[1].As4()
		copy(d[4:], other[:])
		_, _, err = c.WriteMsgUDP([]byte("2"), info, a)
		require.NoError(t, err)
		require.Equal(t, "2", read(t, y))

		copy(d[4:], []byte{198, 51, 100, 77})
		_, _, err = c.WriteMsgUDP([]byte("bad"), info, a)
		require.ErrorIs(t, err, dsrudp.ErrNotLocal)

		// Only ipi_addr, as in a message of a datagram that was queued before
		// the option: the kernel would ignore it.
		clear(d)
		copy(d[8:], other[:])
		_, _, err = c.WriteMsgUDP([]byte("3"), info, a)
		require.NoError(t, err)
		require.Equal(t, "3", read(t, y))
		copy(d[8:], []byte{239, 1, 2, 3})
		_, _, err = c.WriteMsgUDP([]byte("bad"), info, a)
		require.ErrorIs(t, err, dsrudp.ErrNoPath)

		// Nothing at all in it: the carried one.
		clear(d)
		_, _, err = c.WriteMsgUDP([]byte("4"), info, a)
		require.NoError(t, err)
		require.Equal(t, "4", read(t, x))
	}
}

// TestInterfaceAlone: control messages that name only the interface to leave by
// do not take the answer off the carried or remembered path.
func TestInterfaceAlone(t *testing.T) {
	for _, w := range wildcards {
		for _, strict := range []bool{false, true} {
			c := listenWith(t, &dsrudp.ListenConfig{Strict: strict}, w.network, w.address)
			x := dialVIP(t, c, vips[1])
			write(t, x, "1")
			_, a, err := c.ReadFromUDP(make([]byte, 16))
			require.NoError(t, err)
			info := make([]byte, unix.CmsgSpace(12))
			cmsghdr(info, unix.IPPROTO_IP, unix.IP_PKTINFO, 12)[0] = 1 // the loopback interface
			_, _, err = c.WriteMsgUDP([]byte("2"), info, a)
			require.NoError(t, err)
			require.Equal(t, "2", read(t, x))
			_, _, err = c.WriteMsgUDPAddrPort([]byte("3"), info, a.AddrPort())
			require.NoError(t, err)
			require.Equal(t, "3", read(t, x))
			require.Zero(t, c.Stats().UnknownPath)

			// To one that is not known the kernel chooses, or Strict refuses.
			_, _, err = c.WriteMsgUDPAddrPort([]byte("4"), info, addrPortOf(c.LocalAddr()))
			require.Equal(t, strict, errors.Is(err, dsrudp.ErrNoPath))
			require.EqualValues(t, 1, c.Stats().UnknownPath)
		}
	}
}

// TestBoundAndEmptyRequest (K4.1): control messages without a source do not
// take a bound socket off its address.
func TestBoundAndEmptyRequest(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.2:0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	_, a, err := c.ReadFromUDP(make([]byte, 16))
	require.NoError(t, err)
	info := make([]byte, unix.CmsgSpace(12))
	d := cmsghdr(info, unix.IPPROTO_IP, unix.IP_PKTINFO, 12)
	for _, ifindex := range []byte{0, 1} { // 1 is the loopback interface
		d[0] = ifindex
		_, _, err = c.WriteMsgUDP([]byte("2"), info, a)
		require.NoError(t, err)
		require.Equal(t, "2", read(t, x))
	}
}

// TestAdoptGRO: a socket whose datagrams come joined is not for the taking.
func TestAdoptGRO(t *testing.T) {
	u, err := net.ListenUDP("udp4", nil)
	require.NoError(t, err)
	defer u.Close()
	setsockopts(t, u, [2]int{unix.IPPROTO_UDP, unix.UDP_GRO})
	_, err = dsrudp.NewConn(u)
	require.ErrorContains(t, err, "UDP_GRO")
	_, err = u.WriteTo([]byte("still the caller's"), u.LocalAddr())
	require.NoError(t, err)
}
