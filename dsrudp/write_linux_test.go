package dsrudp_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestPromise5_Refused6: what the kernel lets an IPv6 socket with IPV6_FREEBIND send from,
// the library refuses, and says why. That there is no way to the peer is no fault of the
// source.
func TestPromise5_Refused6(t *testing.T) {
	needNetlink(t)
	free := &dsrudp.ListenConfig{FreeBind: true}
	wildcard, bound := listen(t, "udp6", ":0"), listenWith(t, free, "udp6", "["+foreign6+"]:0")
	here, away := netip.MustParseAddrPort("[::1]:9"), netip.MustParseAddrPort("[2001:db8::9]:9")
	for _, tc := range []struct {
		c      *dsrudp.Conn
		local  string
		remote netip.AddrPort
		why    string // "" where it is not ErrNotLocal
	}{
		{wildcard, foreign6, here, "no address or local route"},
		{wildcard, "ff0e::1", here, "group"},
		{wildcard, "::1", away, "loopback"},
		{wildcard, "fe80::1", here, "zone"},
		{wildcard, "fe80::1%lo", here, "no address or local route"},
		{wildcard, "::%lo", away, ""},
		{bound, foreign6, here, "no address or local route"},
		{bound, "::%lo", here, "bound"},
	} {
		_, err := tc.c.WriteToPath([]byte("spoofed"), pathTo(tc.local, tc.remote))
		if tc.why == "" {
			require.Error(t, err)
			require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
			continue
		}
		assertOp(t, "write", err, dsrudp.ErrNotLocal)
		require.ErrorContains(t, err, tc.why, tc.local)
	}

	// An interface in control messages is no way round either.
	lo := unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: 1})
	_, _, err := bound.WriteMsgUDPAddrPort([]byte("spoofed"), lo, here)
	require.ErrorIs(t, err, dsrudp.ErrNotLocal)
}

// TestPromise1_OwnControlMessages: control messages of the caller's own go with the datagram,
// each message of a batch with its own, however many they are, and the source beside them
// where it is to be named.
func TestPromise1_OwnControlMessages(t *testing.T) {
	class := func(class byte) []byte {
		b := make([]byte, unix.CmsgSpace(4))
		cmsghdr(b, unix.IPPROTO_IP, unix.IP_TOS, 4)[0] = class
		return b
	}
	for _, at := range endpoints {
		if at.asked[0].Is6() {
			continue
		}
		c := listenAt(t, at)
		x := dialVIP(t, c, at.asked[0])
		setsockopts(t, x, recvClass(at.asked[0]))
		a := receive(t, c, x)
		n, oobn, err := c.WriteMsgUDP([]byte("1"), class(1), a)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, len(class(1)), oobn)
		require.Equal(t, 1, readClass(t, x, at.asked[0]))
		for _, repeat := range []int{1, 8} { // the kernel goes by the last
			var ms []ipv4.Message
			for i := range 4 {
				ms = append(ms, message("1", a))
				ms[i].OOB = bytes.Repeat(class(byte(i)<<5), repeat)
			}
			n, err := c.WriteBatch(ms, 0)
			require.NoError(t, err)
			require.Equal(t, len(ms), n)
			for i := range ms {
				require.Equal(t, i<<5, readClass(t, x, at.asked[0]), "%v, %d times", at, repeat)
			}
		}
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

// TestPromise7_RoomForOthers: a writer waits for room in the send buffer, which datagrams for
// an unresolved neighbour take. Others that there is room for do not wait for their turn
// behind it: net's write lock would have them.
func TestPromise7_RoomForOthers(t *testing.T) {
	if !inNamespace(t, "it did not end") {
		return
	}
	if err := addBridge(t, "10.0.0.1"); err != nil {
		t.Skipf("no bridge: %v", err)
	}
	require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/neigh/br0/mcast_solicit", []byte("1000"), 0)) // seconds

	c := listenWith(t, &dsrudp.ListenConfig{WriteBuffer: 1 << 14}, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	receive(t, c, x)
	nobody := pathTo("10.0.0.1", netip.MustParseAddrPort("10.0.0.9:9"))
	ms := []ipv4.Message{message("filling", net.UDPAddrFromAddrPort(nobody.Remote))}
	for err := error(nil); !errors.Is(err, unix.EAGAIN); {
		_, err = c.WriteBatch(ms, unix.MSG_DONTWAIT)
		require.True(t, err == nil || errors.Is(err, unix.EAGAIN), err)
	}
	require.Zero(t, c.Stats().SendNoBuffer, "who does not wait tries again")
	done := make(chan error, 1)
	go func() {
		_, err := c.WriteToPath([]byte("waiting"), nobody)
		done <- err
	}()
	soon(t, "the writer waits", func() bool {
		b := make([]byte, 1<<20)
		stacks := strings.Split(string(b[:runtime.Stack(b, true)]), "\n\n")
		return slices.ContainsFunc(stacks, func(s string) bool {
			return strings.Contains(s, "[IO wait") && strings.Contains(s, "WriteToPath")
		})
	})

	// Room for some, but not half of the buffer, at which a wait ends.
	require.NoError(t, c.SetWriteBuffer(3<<13))
	for name, writeTo := range writers {
		require.NoError(t, writeTo(c, []byte("1"), pathFrom(c, vips[0], x)), name)
		require.Equal(t, "1", read(t, x), name)
	}
	require.Empty(t, done, "the writer does not wait any more")
	require.NoError(t, c.Close())
	require.ErrorIs(t, await(t, done), net.ErrClosed)
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
		assertOp(t, "write", err, nil)
		want.SendFailed += uint64(n)
		require.Equal(t, want, faults(c))
	}
	for _, write := range writers {
		count(1, write(c, long, p))
	}
	_, err := c.WritePackets([]dsrudp.Packet{packet(string(long), p), packet("1", p), packet(string(long), p)})
	count(2, err)
	_, err = c.WriteBatch([]ipv4.Message{message(string(long), a), message(string(long), a)}, 0)
	count(1, err) // the second was not tried
	require.NoError(t, c.Close())
	for _, write := range writers {
		count(0, write(c, long, p))
	}
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
		assertOp(t, "write", err, tc.errno)
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
		"IPv6 foreign": {loopback6, refused, func(m *ipv4.Message) {
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
