package dsrudp_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

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

// TestPromise7_SendFailed: every way to write counts a datagram that is too long, and
// each of a list; a closed Conn counts nothing.
func TestPromise7_SendFailed(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	p := pathFrom(c, vips[0], x)
	long := make([]byte, 65508)
	a := receive(t, c, x)
	want := dsrudp.Stats{}
	count := func(n int, err error) {
		t.Helper()
		requireWriteOp(t, err, nil)
		want.SendFailed += uint64(n)
		require.Equal(t, want, faults(c))
	}
	_, err := c.WriteToPath(long, p)
	count(1, err)
	_, err = c.WriteTo(long, a)
	count(1, err)
	_, _, err = c.WriteMsgUDP(long, nil, a)
	count(1, err)
	_, err = c.WriteToUDPAddrPort(long, p.Remote)
	count(1, err)
	_, err = c.WritePackets([]dsrudp.Packet{packet(string(long), p), packet("1", p), packet(string(long), p)})
	count(2, err)
	_, err = c.WriteBatch([]ipv4.Message{message(string(long), a), message(string(long), a)}, 0)
	count(1, err) // the second was not tried
	require.NoError(t, c.Close())
	_, err = c.WriteToPath(long, p)
	count(0, err)
	_, err = c.WritePackets([]dsrudp.Packet{packet("1", p), packet("2", p)})
	count(0, err)
}

// TestPromise7_Kinds: whatever error the kernel has for a datagram, it is counted, and in
// one place. A seccomp filter has the errors; of several the last made decides.
func TestPromise7_Kinds(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	c := listen(t, "udp", ":0")
	p := pathFrom(c, vips[0], dialVIP(t, c, vips[0]))
	var want dsrudp.Stats
	for _, tc := range []struct {
		errno unix.Errno
		count *uint64
	}{
		{unix.EMSGSIZE, &want.SendFailed},
		{unix.EPERM, &want.SendDenied},
		{unix.EACCES, &want.SendDenied},
		{unix.ENOBUFS, &want.SendNoBuffer},
		{unix.ENOMEM, &want.SendNoBuffer},
		{unix.EINVAL, &want.SendFailed},
		{unix.EOPNOTSUPP, &want.SendFailed},
	} {
		forbid(t, tc.errno, unix.SYS_SENDMSG, nil)
		_, err := c.WriteToPath([]byte("1"), p)
		requireWriteOp(t, err, tc.errno)
		*tc.count++
		require.Equal(t, want, faults(c), "%v", tc.errno)
	}
}

// TestPromise7_WriteBatchCountsOnce: a message that cannot be sent is counted when its
// error is returned, not also when it only ends the prefix that was sent.
func TestPromise7_WriteBatchCountsOnce(t *testing.T) {
	failed, refused := dsrudp.Stats{SendFailed: 1}, dsrudp.Stats{Refused: 1}
	for name, tc := range map[string]struct {
		vip   netip.Addr
		want  dsrudp.Stats
		spoil func(m *ipv4.Message)
	}{
		"too long": {vips[0], failed, func(m *ipv4.Message) { m.Buffers = [][]byte{make([]byte, 65508)} }},
		"foreign":  {vips[0], refused, func(m *ipv4.Message) { m.OOB = pktinfo4(0, netip.MustParseAddr("198.51.100.77"), netip.Addr{}) }},
		"unknown":  {vips[0], refused, func(m *ipv4.Message) { m.Addr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9), Port: 9} }},
		"IPv6 foreign": {netip.IPv6Loopback(), refused, func(m *ipv4.Message) {
			m.OOB = unix.PktInfo6(&unix.Inet6Pktinfo{Addr: netip.MustParseAddr(foreign6).As16()})
		}},
	} {
		for _, before := range []int{0, 1, 40} {
			t.Run(name, func(t *testing.T) {
				if name == "foreign" {
					needNetlink(t)
				}
				c := listenWith(t, &dsrudp.ListenConfig{Strict: true}, "udp", ":0")
				a := receive(t, c, dialVIP(t, c, tc.vip))
				var left []ipv4.Message
				for i := range before + 1 {
					left = append(left, message(bytesOf(i, i), a))
				}
				tc.spoil(&left[before])
				n, err := c.WriteBatch(left, 0)
				for ; err == nil; n, err = c.WriteBatch(left, 0) {
					left = left[n:]
				}
				require.Len(t, left, 1)
				s := faults(c)
				s.UnknownPath = 0 // counted each time that a source is looked for
				require.Equal(t, tc.want, s)
			})
		}
	}
}

// TestReadBatchErrorQueue: what comes from the error queue is no datagram that a
// path could be known or lost of.
func TestReadBatchErrorQueue(t *testing.T) {
	for vip, option := range map[netip.Addr][2]int{
		vips[0]:              {unix.IPPROTO_IP, unix.IP_RECVERR},
		netip.IPv6Loopback(): {unix.IPPROTO_IPV6, unix.IPV6_RECVERR},
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

// TestT44_OwnSegments: what a control message of the caller's divides counts as the
// datagrams that it is on the wire, whether they left or not.
func TestT44_OwnSegments(t *testing.T) {
	oob := make([]byte, unix.CmsgSpace(2))
	binary.NativeEndian.PutUint16(cmsghdr(oob, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2), 4)
	payload := []byte("0123456789")
	for name, write := range map[string]func(*dsrudp.Conn, netip.AddrPort) error{
		"WriteMsgUDP": func(c *dsrudp.Conn, to netip.AddrPort) error {
			_, _, err := c.WriteMsgUDP(payload, oob, net.UDPAddrFromAddrPort(to))
			return err
		},
		"WriteMsgUDPAddrPort": func(c *dsrudp.Conn, to netip.AddrPort) error {
			_, _, err := c.WriteMsgUDPAddrPort(payload, oob, to)
			return err
		},
		"WriteBatch": func(c *dsrudp.Conn, to netip.AddrPort) error {
			_, err := c.WriteBatch([]ipv4.Message{{Buffers: [][]byte{payload[:5], payload[5:]}, OOB: oob, Addr: net.UDPAddrFromAddrPort(to)}}, 0)
			return err
		},
	} {
		c := listen(t, "udp4", ":0")
		x := dialVIP(t, c, vips[0])
		receive(t, c, x)
		require.NoError(t, write(c, addrPortOf(x.LocalAddr())), name)
		for _, want := range []string{"0123", "4567", "89"} {
			require.Equal(t, want, read(t, x), name)
		}
		require.Error(t, write(c, netip.AddrPortFrom(vips[0], 0)), name)
		s := c.Stats()
		require.Equal(t, [...]uint64{3, 10, 3}, [...]uint64{s.Sent, s.SentBytes, s.SendFailed}, name)
	}
}
