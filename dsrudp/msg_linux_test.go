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

// TestT13_K5_2_ControlMessages: a buffer of any length gets the control messages of the
// options that the caller set as net gives them, flag included. Behind them come those of the
// library's own, whole, where they fit. The path is known all the same.
func TestT13_K5_2_ControlMessages(t *testing.T) {
	tos, info := everything[4], everything[6]
	own4, own6 := unix.CmsgSpace(unix.SizeofInet4Pktinfo), unix.CmsgSpace(unix.SizeofInet6Pktinfo)
	for name, tc := range map[string]struct {
		network, address string
		options          [][2]int // of the caller
		ours             int      // bytes of the library's own
	}{
		"none":                 {"udp4", ":0", nil, own4},
		"one":                  {"udp4", ":0", [][2]int{tos}, own4},
		"all but ours":         {"udp4", ":0", everything[:6], own4},
		"ours too":             {"udp4", ":0", everything[:7], 0},
		"dual-stack":           {"udp", ":0", everything[:6], own4 + own6},
		"dual-stack, one of 2": {"udp", ":0", [][2]int{tos, info}, own6},
		"dual-stack, both":     {"udp", ":0", everything, 0},
		"bound":                {"udp4", "127.0.0.3:0", [][2]int{tos}, 0},
		"bound, ours too":      {"udp4", "127.0.0.3:0", [][2]int{tos, info}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, u, _ := bothBatches(t, tc.network, tc.address)
			setsockopts(t, u, tc.options...)
			c := listenWith(t, controlling(tc.options...), tc.network, tc.address)
			requireControl(t, c, u, tc.ours)
		})
	}
	t.Run("adopted", func(t *testing.T) {
		_, u, _ := bothBatches(t, "udp4", ":0")
		_, v, _ := bothBatches(t, "udp4", ":0")
		setsockopts(t, u, everything[:7]...)
		setsockopts(t, v, everything[:7]...)
		requireControl(t, adopt(t, v), u, 0)
	})
	t.Run("later", func(t *testing.T) {
		_, u, _ := bothBatches(t, "udp4", ":0")
		c := listen(t, "udp4", ":0")
		setsockopts(t, u, tos)
		setsockopts(t, c, tos, info)
		requireControl(t, c, u, own4)
	})
}

// requireControl compares the control messages of c to those of u, which has only the
// caller's own. Bytes of the library's own follow.
func requireControl(t *testing.T, c *dsrudp.Conn, u *net.UDPConn, ours int) {
	t.Helper()
	x, v := dialVIP(t, c, vips[1]), dialVIP(t, u, vips[1])
	const most = 400
	full := 0
	for size := range most {
		b, want, got := make([]byte, 16), make([]byte, size), make([]byte, size)
		write(t, v, "1")
		_, wants, flags, _, err := u.ReadMsgUDPAddrPort(b, want)
		require.NoError(t, err)
		write(t, x, "1")
		n, gots, flags2, a, err := c.ReadMsgUDP(b, got)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, flags, flags2, "%d bytes", size)
		require.GreaterOrEqual(t, gots, wants, "%d bytes", size)
		requireSameMessages(t, want[:wants], got[:wants])
		ms, err := unix.ParseSocketControlMessage(got[wants:gots])
		require.NoError(t, err)
		for _, m := range ms {
			require.Contains(t, []int{12, 20}, len(m.Data), "%d bytes: whole", size)
		}
		if size == most-1 {
			require.Equal(t, ours, gots-wants)
		}
		p, ok := dsrudp.PathOf(a)
		require.True(t, ok, "%d bytes", size)
		require.Equal(t, vips[1], p.Local.Addr())
		full = max(full, gots)
	}
	require.Less(t, full, most-1, "not all sizes were tried")
	require.Zero(t, c.Stats().LostPath)
	require.Zero(t, c.Stats().ControlTruncated)
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
	needNetlink(t)
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
