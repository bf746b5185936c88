package dsrudp_test

import (
	"net"
	"net/netip"
	"slices"
	"syscall"
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

// losePath turns off the control messages of a socket: what it receives from then on has
// no known destination, as when its control data was lost.
func losePath(t *testing.T, c syscall.Conn) {
	t.Helper()
	onFd(t, c, func(fd int) { require.NoError(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 0)) })
}

// TestPromise1_LostPath: a datagram whose control data is lost is answered by no method, and
// through no Conn of the port: the choice is never left to the kernel.
func TestPromise1_LostPath(t *testing.T) {
	c := listenWith(t, &dsrudp.ListenConfig{ReusePort: true}, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	receive(t, c, x) // its path was known once
	losePath(t, c)
	a := receive(t, c, x)
	write(t, x, "2")
	write(t, x, "3")
	ps := readAll(t, c, 2)
	require.EqualValues(t, 3, c.Stats().LostPath)

	_, ok := dsrudp.PathOf(a)
	require.False(t, ok)
	_, ok = c.PathTo(a.AddrPort())
	require.False(t, ok)
	_, err := c.WriteToUDP([]byte("bad"), a)
	require.ErrorIs(t, err, dsrudp.ErrNoPath)
	for name, write := range writers {
		require.ErrorIs(t, write(c, []byte("bad"), ps[0].Path), dsrudp.ErrNoPath, name)
	}
	other := listenWith(t, &dsrudp.ListenConfig{ReusePort: true}, "udp4", c.LocalAddr().String())
	_, err = other.WriteToUDP([]byte("bad"), a)
	require.ErrorIs(t, err, dsrudp.ErrNoPath)
	requireNothing(t, x)

	// A socket that is bound to one address needs no control data.
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: vips[0].AsSlice()})
	require.NoError(t, err)
	c = adopt(t, u)
	x = dialVIP(t, c, vips[0])
	for range 2 {
		_, err = c.WriteTo([]byte("good"), receive(t, c, x))
		require.NoError(t, err)
		require.Equal(t, "good", read(t, x))
		losePath(t, c)
	}
	require.Zero(t, faults(c))
}

// TestPromise3_Broadcast: a request to a broadcast address has it in OrigDst, and is answered
// from the interface's own, on a wildcard socket and on one that is bound to it, with and
// without FREEBIND.
func TestPromise3_Broadcast(t *testing.T) {
	broadcast := netip.MustParseAddr("127.255.255.255")
	for _, w := range append(slices.Clone(wildcards), endpoint{network: "udp4", address: "127.255.255.255:0"}) {
		for _, free := range []bool{false, true} {
			if free {
				needNetlink(t)
			}
			c := listenWith(t, &dsrudp.ListenConfig{FreeBind: free}, w.network, w.address)
			x := netClient(t, loopback4.AsSlice())
			_, err := x.WriteToUDPAddrPort([]byte("1"), netip.AddrPortFrom(broadcast, portOf(c)))
			require.NoError(t, err)
			ps := readAll(t, c, 1)
			require.Equal(t, broadcast, ps[0].OrigDst)
			require.Equal(t, pathFrom(c, loopback4, x), ps[0].Path)
			writeAll(t, c, ps)
			_, from, err := x.ReadFrom(make([]byte, 1))
			require.NoError(t, err)
			require.Equal(t, ps[0].Path.Local, addrPortOf(from))
		}
	}
}

// TestPromise7_Dropped: what did not fit the receive buffer is counted once, known after
// Close, and not counted where it was before the socket was adopted.
func TestPromise7_Dropped(t *testing.T) {
	const sent = 200
	flood := func(x *net.UDPConn) {
		for range sent {
			write(t, x, bytesOf(0, 1000))
		}
	}
	c := listenWith(t, &dsrudp.ListenConfig{ReadBuffer: 1}, "udp", ":0") // the least there is
	x := dialVIP(t, c, vips[0])
	flood(x)
	dropped := int(c.Stats().Dropped)
	require.Positive(t, dropped)
	readAll(t, c, sent-dropped)
	require.EqualValues(t, dropped, c.Stats().Dropped)
	flood(x)
	require.NoError(t, c.Close())
	more := c.Stats().Dropped
	require.Greater(t, more, uint64(dropped))
	require.Equal(t, more, c.Stats().Dropped)

	u, err := net.ListenUDP("udp", nil)
	require.NoError(t, err)
	require.NoError(t, u.SetReadBuffer(1))
	x = dialVIP(t, u, vips[0])
	flood(x)
	c = adopt(t, u)
	require.Zero(t, c.Stats().Dropped)
	flood(x) // nothing has made room
	require.EqualValues(t, sent, c.Stats().Dropped)
}

// TestReadBatchErrorQueue: what comes from the error queue is no datagram that a
// path could be known or lost of.
func TestReadBatchErrorQueue(t *testing.T) {
	for vip, option := range map[netip.Addr][2]int{
		vips[0]:   {unix.IPPROTO_IP, unix.IP_RECVERR},
		loopback6: {unix.IPPROTO_IPV6, unix.IPV6_RECVERR},
	} {
		c := listen(t, "udp", ":0")
		setsockopts(t, c, option)
		x := dialVIP(t, c, vip)
		require.NoError(t, x.Close())
		_, err := c.WriteToPath([]byte("to nobody"), pathFrom(c, vip, x))
		require.NoError(t, err)
		ms := messages(2, 16)
		ms[0].OOB = make([]byte, 256)
		n, err := c.ReadBatch(ms, unix.MSG_ERRQUEUE)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.NotZero(t, ms[0].Flags&unix.MSG_ERRQUEUE)
		require.Equal(t, "to nobody", string(ms[0].Buffers[0][:ms[0].N]))
		require.Equal(t, dsrudp.Stats{Sent: 1, SentBytes: 9, PathBytes: c.Stats().PathBytes}, c.Stats())
		require.Equal(t, addrPortOf(x.LocalAddr()), addrPortOf(ms[0].Addr))
		_, err = c.WriteTo(nil, ms[0].Addr)
		require.NotErrorIs(t, err, dsrudp.ErrNoPath, "it carries no path, and none was lost")
	}
}
