package dsrudp_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// everything is every option that adds control messages, that an ordinary user may set and
// whose message is the same each time, in the order of the messages; those of a dual-stack
// socket are the last ones.
var everything = [][2]int{
	{unix.SOL_SOCKET, unix.SO_RXQ_OVFL},
	{unix.SOL_SOCKET, unix.SO_RCVMARK},
	{unix.SOL_SOCKET, unix.SO_RCVPRIORITY},
	{unix.IPPROTO_IP, unix.IP_RECVTTL},
	{unix.IPPROTO_IP, unix.IP_RECVTOS},
	{unix.IPPROTO_IP, unix.IP_RECVORIGDSTADDR},
	{unix.IPPROTO_IP, unix.IP_PKTINFO},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS},
	{unix.IPPROTO_IPV6, unix.IPV6_RECVORIGDSTADDR},
}

// TestK5_2_ControlMessages: with all other options on, the path is known whatever the size
// of the caller's buffer, and the caller gets what net gives.
func TestK5_2_ControlMessages(t *testing.T) {
	for network, opts := range map[string][][2]int{"udp4": everything[:7], "udp": everything} {
		c := listen(t, network, ":0")
		u := netClient(t, nil)
		if network == "udp4" {
			u = netClient(t, net.IPv4zero.To4())
		}
		setsockopts(t, c, opts...)
		setsockopts(t, u, opts...)
		x, v := dialVIP(t, c, vips[1]), dialVIP(t, u, vips[1])
		const most = 400
		full := 0
		for size := range most {
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
		require.Less(t, full, most-1, "not all sizes were tried")
		require.Zero(t, c.Stats().LostPath)
		require.Zero(t, c.Stats().ControlTruncated)
	}
}

// TestPromise6_NoControlMessages: a caller that set no options and has no buffer for
// control messages gets no flag that some were cut, as with net.
func TestPromise6_NoControlMessages(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	for _, tc := range []struct {
		oob     []byte
		options [][2]int
		flags   int
	}{
		{nil, nil, 0},
		{make([]byte, 8), nil, unix.MSG_CTRUNC},
		{nil, [][2]int{{unix.IPPROTO_IP, unix.IP_RECVTOS}}, unix.MSG_CTRUNC},
	} {
		setsockopts(t, c, tc.options...)
		write(t, x, "1")
		_, oobn, flags, _, err := c.ReadMsgUDP(make([]byte, 16), tc.oob)
		require.NoError(t, err)
		require.Zero(t, oobn)
		require.Equal(t, tc.flags, flags)
	}
}

// TestPromise1_OwnControlMessages: control messages of the caller's own go with the
// datagram, and the known source beside them.
func TestPromise1_OwnControlMessages(t *testing.T) {
	const ect1 = 1
	tos := make([]byte, unix.CmsgSpace(4))
	cmsghdr(tos, unix.IPPROTO_IP, unix.IP_TOS, 4)[0] = ect1
	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		x := dialVIP(t, c, vips[0])
		setsockopts(t, x, recvClass(vips[0]))
		n, oobn, err := c.WriteMsgUDP([]byte("1"), tos, receive(t, c, x))
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, len(tos), oobn)
		require.Equal(t, ect1, readClass(t, x, vips[0]))
	}
}

// TestPromise1_RequestedSource: a source in the caller's control messages wins over what is
// known, and is checked alike; an interface alone, or nothing, leaves the known source.
func TestPromise1_RequestedSource(t *testing.T) {
	const lo, none = 1, 1 << 20 // interfaces
	var no netip.Addr
	for _, tc := range []struct {
		oob  []byte
		from netip.Addr
		err  error
	}{
		{pktinfo4(none, vips[1], no), vips[1], nil}, // an index beside a source is left out
		{pktinfo4(0, netip.MustParseAddr("198.51.100.77"), no), no, dsrudp.ErrNotLocal},
		{pktinfo4(lo, no, no), vips[0], nil},
		{pktinfo4(none, no, no), no, unix.ENODEV}, // one without a source stays
	} {
		for _, w := range wildcards {
			c := listenWith(t, &dsrudp.ListenConfig{Strict: true}, w.network, w.address)
			x, y := dialOnePort(t, c, vips[0], vips[1])
			a := receive(t, c, x)
			for name, write := range map[string]func() error{
				"carried":    func() error { _, _, err := c.WriteMsgUDP([]byte("1"), tc.oob, a); return err },
				"remembered": func() error { _, _, err := c.WriteMsgUDPAddrPort([]byte("1"), tc.oob, a.AddrPort()); return err },
			} {
				require.ErrorIs(t, write(), tc.err, "%x %s", tc.oob, name)
				if tc.err == nil {
					require.Equal(t, "1", read(t, map[netip.Addr]*net.UDPConn{vips[0]: x, vips[1]: y}[tc.from]), "%x %s", tc.oob, name)
				}
			}
			require.Zero(t, c.Stats().UnknownPath)
		}
	}
}
