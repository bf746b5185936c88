package dsrudp_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

var (
	_ batchConn = (*dsrudp.Conn)(nil)
	_ batchConn = (*ipv4.PacketConn)(nil)
	_ batchConn = (*ipv6.PacketConn)(nil)
)

// TestPromise4_BatchTwoVIPs: the addresses of a batch carry the Path of each message, and a
// batch sent back goes those ways.
func TestPromise4_BatchTwoVIPs(t *testing.T) {
	for _, at := range endpoints {
		c := listenAt(t, at)
		clients := dialAll(t, c, at.asked)
		const n = 40 // more than one call takes, of two clients
		enqueue(t, n, clients...)
		ms := messages(n*len(clients), 64)
		readBatch(t, c, ms)
		total := 0
		for i, m := range ms {
			x := clients[i%len(clients)]
			total += m.N
			p, ok := dsrudp.PathOf(m.Addr)
			require.True(t, ok)
			require.Equal(t, between(x), p)
			require.Equal(t, request(x, i/len(clients)), string(m.Buffers[0][:m.N]))
			require.Zero(t, m.NN)
			require.Zero(t, m.Flags)
		}
		for rest := sent(ms); len(rest) > 0; {
			n, err := c.WriteBatch(rest, 0)
			require.NoError(t, err)
			rest = rest[n:]
		}
		requireEchoes(t, n, clients...)
		requireTraffic(t, c, len(ms), total)
		require.Zero(t, c.Stats().UnknownPath)
	}
}

// TestReadBatchLikeXNet: of equal datagrams ReadBatch returns what x/net's does, whatever
// the buffers.
func TestReadBatchLikeXNet(t *testing.T) {
	for _, network := range []string{"udp4", "udp6", "udp"} {
		_, nets, xnets := bothBatches(t, network, ":0")
		vip := vips[1]
		opts := [][2]int{{unix.IPPROTO_IP, unix.IP_RECVTOS}, {unix.IPPROTO_IP, unix.IP_RECVTTL}}
		info := [][2]int{{unix.IPPROTO_IP, unix.IP_PKTINFO}}
		if network != "udp4" {
			opts = append(opts, [2]int{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT})
			info = append(info, [2]int{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO})
		}
		if network == "udp6" {
			vip, info = loopback6, info[1:]
		}
		opts = append(opts, info...)
		ours := listenWith(t, controlling(opts...), network, ":0")
		setsockopts(t, nets, opts...)
		x, v := dialVIP(t, ours, vip), dialVIP(t, nets, vip)
		for room := range 160 {
			shape := func() []ipv4.Message {
				ms := messages(4, 8)
				ms[1].Buffers = [][]byte{make([]byte, 2), nil, make([]byte, 3), make([]byte, 9)}
				ms[3].Buffers = nil
				for i := range ms {
					ms[i].OOB = make([]byte, room)
					ms[i].N, ms[i].NN, ms[i].Flags = 99, 99, 99 // of before
				}
				return ms
			}
			for _, s := range []string{"12345678", "longer than 14 bytes", "", "1"} {
				write(t, x, s)
				write(t, v, s)
			}
			got, want := shape(), shape()
			readBatch(t, ours, got)
			readBatch(t, xnets, want)
			for i := range want {
				require.Equal(t, want[i].N, got[i].N)
				require.Equal(t, want[i].NN, got[i].NN, "%s room %d", network, room)
				require.Equal(t, want[i].Flags, got[i].Flags, "%s room %d", network, room)
				require.Equal(t, want[i].Buffers, got[i].Buffers)
				requireSameMessages(t, want[i].OOB[:want[i].NN], got[i].OOB[:got[i].NN])
				require.Equal(t, x.LocalAddr().String(), got[i].Addr.String())
				require.IsType(t, want[i].Addr, got[i].Addr)
			}
		}
	}
}

// TestReadBatchFlags: with MSG_DONTWAIT it does not wait, and MSG_PEEK leaves the
// datagrams there, as x/net's.
func TestReadBatchFlags(t *testing.T) {
	ours, nets, xnets := bothBatches(t, "udp4", "127.0.0.1:0")
	for _, c := range []struct {
		batchConn
		addr net.Addr
	}{{ours, ours.LocalAddr()}, {xnets, nets.LocalAddr()}} {
		x := dial(t, netip.AddrPort{}, addrPortOf(c.addr))
		n, err := c.ReadBatch(messages(2, 8), unix.MSG_DONTWAIT)
		assertOp(t, "read", err, unix.EAGAIN)
		require.LessOrEqual(t, n, 0)
		write(t, x, "1")
		ms := messages(1, 8)
		for _, flags := range []int{unix.MSG_PEEK, unix.MSG_DONTWAIT} {
			n, err = c.ReadBatch(ms, flags)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Equal(t, 1, ms[0].N)
		}
	}
	require.Zero(t, ours.Stats().ReadFailed, "nothing was there, which is no failure")
	n, err := ours.ReadBatch(nil, 0)
	require.NoError(t, err)
	require.Zero(t, n)
}

// badMessages are ways to spoil one message.
var badMessages = map[string]struct {
	want  error
	spoil func(m *ipv4.Message)
}{
	"too long":     {syscall.EMSGSIZE, func(m *ipv4.Message) { m.Buffers = [][]byte{make([]byte, 65508)} }},
	"long pieces":  {syscall.EMSGSIZE, func(m *ipv4.Message) { m.Buffers = [][]byte{make([]byte, 65507), make([]byte, 1)} }},
	"no address":   {nil, func(m *ipv4.Message) { m.Addr = nil }},
	"bad address":  {nil, func(m *ipv4.Message) { m.Addr = &net.UDPAddr{IP: make([]byte, 5), Port: 9} }},
	"no UDP":       {syscall.EINVAL, func(m *ipv4.Message) { m.Addr = otherAddr{} }},
	"bad OOB":      {syscall.EINVAL, func(m *ipv4.Message) { m.OOB = make([]byte, 24) }},
	"not our host": {dsrudp.ErrNotLocal, func(m *ipv4.Message) { m.OOB = unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte{198, 51, 100, 77}}) }},
}

// TestPromise7_WriteBatch: it returns how many of the first messages were sent, and sends
// none behind one that cannot be; that one's error comes when it is the first. A caller that
// sends the rest again, without that one, gets all others sent, once.
func TestPromise7_WriteBatch(t *testing.T) {
	for _, w := range wildcards[:2] {
		for name, bad := range badMessages {
			for _, count := range []int{5, 40} { // one call takes 32
				t.Run(fmt.Sprint(w.network, "/", name, "/", count), func(t *testing.T) {
					if bad.want == dsrudp.ErrNotLocal {
						needNetlink(t)
					}
					c := listen(t, w.network, w.address)
					x := dialVIP(t, c, vips[0])
					a := receive(t, c, x)
					for at := 0; at < count; at += 1 + count/8 {
						ms := make([]ipv4.Message, count)
						for i := range ms {
							ms[i] = ipv4.Message{Buffers: [][]byte{fmt.Append(nil, i), nil, fmt.Append(nil, " of ", at)}, Addr: a, N: 99}
						}
						bad.spoil(&ms[at])
						requireSent := func(from, to, n int, err error) {
							t.Helper()
							require.NoError(t, err)
							require.Equal(t, to-from, n)
							for i := from; i < to; i++ {
								want := fmt.Sprint(i, " of ", at)
								require.Equal(t, want, read(t, x))
								require.Equal(t, len(want), ms[i].N)
							}
							requireNothing(t, x)
						}
						if at > 0 {
							n, err := c.WriteBatch(ms, 0)
							requireSent(0, at, n, err)
						}
						n, err := c.WriteBatch(ms[at:], 0)
						require.Zero(t, n)
						assertOp(t, "write", err, bad.want)
						requireNothing(t, x)
						n, err = c.WriteBatch(ms[at+1:], 0)
						requireSent(at+1, count, n, err)
						// Nothing is left behind for who sends next.
						writeAll(t, c, []dsrudp.Packet{packet("next", pathFrom(c, vips[0], x))})
						require.Equal(t, "next", read(t, x))
						requireNothing(t, x)
					}
				})
			}
		}
	}
}

// TestWriteBatchTwoBad: the error is that of the first message, also where another one shows
// before.
func TestWriteBatchTwoBad(t *testing.T) {
	c := listen(t, "udp4", ":0")
	ms := []ipv4.Message{message("1", c.LocalAddr()), message("2", c.LocalAddr())}
	badMessages["too long"].spoil(&ms[0])
	badMessages["no UDP"].spoil(&ms[1])
	n, err := c.WriteBatch(ms, 0)
	require.Zero(t, n)
	assertOp(t, "write", err, syscall.EMSGSIZE)
}

// TestWriteBatchErrorsLikeXNet: the same mistakes, as far as x/net makes them errors of
// *net.OpError.
func TestWriteBatchErrorsLikeXNet(t *testing.T) {
	ours, nets, xnets := bothBatches(t, "udp4", "127.0.0.1:0")
	for _, tc := range []struct {
		m     ipv4.Message
		flags int
	}{
		{message(string(make([]byte, 65508)), nets.LocalAddr()), 0},
		{message("x", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0"))), 0},
		{message("x", nets.LocalAddr()), unix.MSG_OOB}, // the kernel gets the flags, and refuses this one
	} {
		n, want := xnets.WriteBatch([]ipv4.Message{tc.m}, tc.flags)
		require.LessOrEqual(t, n, 0)
		n, got := ours.WriteBatch([]ipv4.Message{tc.m}, tc.flags)
		require.Zero(t, n)
		var w, g *net.OpError
		require.ErrorAs(t, want, &w)
		require.ErrorAs(t, got, &g)
		require.Equal(t, w.Op, g.Op)
		var errno syscall.Errno
		require.True(t, errors.As(want, &errno))
		require.ErrorIs(t, got, errno)
	}
}

// xnets make of a PacketConn what libraries do, and return its WriteTo beside it.
var xnets = map[string]func(c net.PacketConn) (batchConn, func([]byte, net.Addr) (int, error)){
	"ipv4": func(c net.PacketConn) (batchConn, func([]byte, net.Addr) (int, error)) {
		p := ipv4.NewPacketConn(c)
		return p, func(b []byte, a net.Addr) (int, error) { return p.WriteTo(b, nil, a) }
	},
	"ipv6": func(c net.PacketConn) (batchConn, func([]byte, net.Addr) (int, error)) {
		p := ipv6.NewPacketConn(c)
		return p, func(b []byte, a net.Addr) (int, error) { return p.WriteTo(b, nil, a) }
	},
}

// TestPromise1_T1_RawRefused: on a wildcard Conn the reads and writes of x/net's types, which
// are raw ones, would be answered from the wrong source: they are an error, counted, and
// logged once. Nothing is read or sent, and setting options works.
func TestPromise1_T1_RawRefused(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	for _, w := range wildcards {
		for name, xnet := range xnets {
			if name == "ipv6" && w.network == "udp4" {
				continue
			}
			log.Reset()
			c := listen(t, w.network, w.address)
			x, y := dialVIP(t, c, vips[0]), dialVIP(t, c, vips[1])
			p, writeTo := xnet(c)
			requireRaw := func(op string, err error) {
				t.Helper()
				require.ErrorIs(t, err, dsrudp.ErrRawIO)
				var outer, op2 *net.OpError
				require.ErrorAs(t, err, &outer)
				require.ErrorAs(t, outer.Err, &op2)
				require.Equal(t, op, op2.Op)
				require.Equal(t, w.network, op2.Net)
				require.Equal(t, c.LocalAddr().String(), op2.Source.String())
			}
			write(t, x, "1")
			n, err := p.ReadBatch(messages(1, 8), 0)
			requireRaw("raw-read", err)
			require.LessOrEqual(t, n, 0)
			n, err = p.WriteBatch([]ipv4.Message{message("bad", x.LocalAddr())}, 0)
			requireRaw("raw-write", err)
			require.LessOrEqual(t, n, 0)
			_, err = writeTo([]byte("bad"), x.LocalAddr())
			requireRaw("raw-write", err)
			setsockopts(t, c, [2]int{unix.SOL_SOCKET, unix.SO_PRIORITY})
			requireNothing(t, x)
			require.EqualValues(t, 3, c.Stats().RawRefused)
			require.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
			require.Contains(t, log.String(), "struct{ net.PacketConn }{conn}")

			// Without SyscallConn there is nothing to go round.
			hidden := struct{ net.PacketConn }{c}
			_, ok := any(hidden).(syscall.Conn)
			require.False(t, ok)
			write(t, y, "2")
			for range 2 {
				b := make([]byte, 8)
				n, a, err := hidden.ReadFrom(b)
				require.NoError(t, err)
				_, err = hidden.WriteTo(b[:n], a)
				require.NoError(t, err)
			}
			require.Equal(t, "1", read(t, x))
			require.Equal(t, "2", read(t, y))
		}
	}
}

// TestT1_RawAllowed: raw reads and writes work where there is one source, and where
// ListenConfig.RawIO allows them.
func TestT1_RawAllowed(t *testing.T) {
	raw := &dsrudp.ListenConfig{RawIO: true}
	for name, xnet := range xnets {
		// The client of the wildcard Conn asks the address that the kernel chooses.
		bound := listen(t, "udp", "127.0.0.2:0")
		wildcard := listenWith(t, raw, "udp", ":0")
		client := netClient(t, net.IPv4(127, 0, 0, 1))
		connected := adopt(t, dial(t, netip.AddrPort{}, addrPortOf(client.LocalAddr())))
		require.NoError(t, client.Close())
		for _, tc := range []struct {
			c *dsrudp.Conn
			x *net.UDPConn
		}{
			{bound, dialVIP(t, bound, vips[0])},
			{wildcard, dial(t, netip.AddrPort{}, netip.MustParseAddrPort(fmt.Sprint("127.0.0.1:", portOf(wildcard))))},
			{connected, dial(t, addrPortOf(client.LocalAddr()), addrPortOf(connected.LocalAddr()))},
		} {
			if name == "ipv6" && tc.c != wildcard {
				continue // an AF_INET socket
			}
			p, _ := xnet(tc.c)
			write(t, tc.x, "1")
			ms := messages(1, 8)
			readBatch(t, p, ms)
			if tc.c == connected {
				ms[0].Addr = nil
			}
			n, err := p.WriteBatch(sent(ms), 0)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Equal(t, "1", read(t, tc.x))
			require.Zero(t, tc.c.Stats().RawRefused)
		}
	}
}
