package dsrudp_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestPromise10_PacketsReceived: datagrams of several clients to one VIP have what each came
// with. One longer than its buffer is Truncated, and counted, and the others are not. What
// the fields were before is gone, and a bare address is enough to answer each.
func TestPromise10_PacketsReceived(t *testing.T) {
	for _, network := range []string{"udp4", "udp"} {
		c := listen(t, network, ":0")
		x, y := dialVIP(t, c, vips[0]), dialVIP(t, c, vips[0])
		requests := []struct {
			client    *net.UDPConn
			payload   string
			truncated bool
		}{{x, "four", false}, {x, "1", false}, {x, "longer", true}, {y, "longer, too", true}, {y, "2", false}, {x, "", false}, {y, "none", true}}
		for _, r := range requests {
			write(t, r.client, r.payload)
		}
		ps := packets(len(requests), 4)
		ps[len(ps)-1].Buf = nil
		for i := range ps {
			ps[i].N, ps[i].SegmentSize, ps[i].ECN, ps[i].Truncated = 99, 7, dsrudp.CE, i%2 == 0
			ps[i].OrigDst, ps[i].Err = vips[1], os.ErrInvalid
		}
		for got := 0; got < len(ps); {
			n, err := c.ReadPackets(ps[got:])
			require.NoError(t, err)
			got += n
		}
		for i, r := range requests {
			require.Equal(t, dsrudp.Packet{
				Buf: ps[i].Buf, N: min(len(r.payload), len(ps[i].Buf)),
				Path:      dsrudp.Path{Local: addrPortOf(r.client.RemoteAddr()), Remote: addrPortOf(r.client.LocalAddr())},
				Interface: lo, Truncated: r.truncated,
			}, ps[i])
			require.Equal(t, r.payload[:ps[i].N], string(ps[i].Payload()))
		}
		for _, client := range []*net.UDPConn{x, y} {
			_, err := c.WriteToUDPAddrPort([]byte("answer"), addrPortOf(client.LocalAddr()))
			require.NoError(t, err)
			require.Equal(t, "answer", read(t, client))
		}
		require.EqualValues(t, 3, c.Stats().Truncated)
		require.Equal(t, 2, c.Stats().PathEntries)
	}
}

// TestReadPacketsErr: an error comes alone.
func TestReadPacketsErr(t *testing.T) {
	c := listen(t, "udp", ":0")
	n, err := c.ReadPackets(nil) // waits for nothing
	require.NoError(t, err)
	require.Zero(t, n)

	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
	n, err = c.ReadPackets(packets(2, 8))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Zero(t, n)
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "read", op.Op)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	require.Len(t, readAll(t, c, 1), 1)

	p := packet("1", pathFrom(c, vips[0], x))
	require.NoError(t, c.Close())
	n, err = c.ReadPackets(packets(2, 8))
	require.ErrorIs(t, err, net.ErrClosed)
	require.Zero(t, n)
	n, err = c.WritePackets([]dsrudp.Packet{p, p})
	require.ErrorIs(t, err, net.ErrClosed)
	require.Zero(t, n)
}

// TestPromise3_PacketsBroadcast: a request to a broadcast address has it in OrigDst, and
// is answered from a unicast one.
func TestPromise3_PacketsBroadcast(t *testing.T) {
	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		broadcast := netip.MustParseAddr("127.255.255.255")
		x, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		require.NoError(t, err)
		defer x.Close()
		require.NoError(t, x.SetDeadline(time.Now().Add(patience)))
		_, err = x.WriteToUDPAddrPort([]byte("1"), netip.AddrPortFrom(broadcast, portOf(c)))
		require.NoError(t, err)
		ps := readAll(t, c, 1)
		require.Equal(t, broadcast, ps[0].OrigDst)
		require.Equal(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), portOf(c)), ps[0].Path.Local)
		_, err = c.WritePackets(ps)
		require.NoError(t, err)
		_, from, err := x.ReadFromUDPAddrPort(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, ps[0].Path.Local, from)
	}
}

// TestPromise1_PacketsLast: of one client port's datagrams in a batch, to two addresses, the
// last decides where an answer to its bare address comes from, also beside a group's.
func TestPromise1_PacketsLast(t *testing.T) {
	one, broadcast := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.255.255.255")
	for _, network := range []string{"udp4", "udp"} {
		for _, tc := range []struct{ other, from netip.Addr }{{vips[1], vips[1]}, {broadcast, one}} {
			c := listen(t, network, ":0")
			x, y := dialOnePort(t, c, vips[0], tc.other)
			for _, order := range [][]*net.UDPConn{{x, y, x, y}, {y, x, y, x}, {x, y, x}, {y, x, y}} {
				for _, client := range order {
					write(t, client, "request")
				}
				froms := map[*net.UDPConn]netip.Addr{x: vips[0], y: tc.from}
				ps := readAll(t, c, len(order))
				for i, client := range order {
					require.Equal(t, froms[client], ps[i].Path.Local.Addr())
				}
				p, ok := c.PathTo(addrPortOf(x.LocalAddr()))
				require.True(t, ok)
				require.Equal(t, froms[order[len(order)-1]], p.Local.Addr())
			}
		}
	}
}

// TestPromise4_ManyVIPs: requests to very many VIPs, more than there are datagrams in a
// batch, are each answered from their own, by WritePackets and by a Server.
func TestPromise4_ManyVIPs(t *testing.T) {
	const n, rounds = 199, 3 // n is prime
	for _, network := range []string{"udp4", "udp"} {
		t.Run(network, func(t *testing.T) {
			c := listen(t, network, ":0")
			require.NoError(t, c.SetReadBuffer(1<<20))
			var clients []*net.UDPConn
			for i := range n {
				clients = append(clients, dialVIP(t, c, netip.AddrFrom4([4]byte{127, 7, byte(i >> 6), byte(1 + i*3)})))
			}
			ask := func(round int) { // in an order of its own
				for i := range clients {
					x := clients[i*(2*round+1)%n]
					write(t, x, fmt.Sprint(round, " to ", x.RemoteAddr()))
				}
			}
			requireAnswers := func(round int) {
				for _, x := range clients {
					require.Equal(t, fmt.Sprint(round, " to ", x.RemoteAddr()), read(t, x))
				}
			}
			ask(0)
			writeAll(t, c, readAll(t, c, n))
			requireAnswers(0)
			ask(1)
			serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				assert.Equal(t, string(p.Payload()[len("0 to "):]), p.Path.Local.String())
				_, err := w.Write(p.Payload())
				assert.NoError(t, err)
			})}, c)
			for round := range rounds {
				requireAnswers(1 + round)
				if round+1 < rounds {
					ask(2 + round)
				}
			}
			require.Zero(t, c.Stats().Refused)
		})
	}
}

// badPackets are ways to spoil one Packet, with what its error matches.
var badPackets = map[string]struct {
	want  error
	spoil func(p *dsrudp.Packet)
}{
	"no local address":     {dsrudp.ErrNoPath, func(p *dsrudp.Packet) { p.Path.Local = netip.AddrPort{} }},
	"foreign source":       {dsrudp.ErrNotLocal, func(p *dsrudp.Packet) { p.Path.Local = netip.MustParseAddrPort("198.51.100.77:0") }},
	"other port":           {dsrudp.ErrNotLocal, func(p *dsrudp.Packet) { p.Path.Local = netip.AddrPortFrom(vips[0], 1) }},
	"group as source":      {dsrudp.ErrNotLocal, func(p *dsrudp.Packet) { p.Path.Local = netip.MustParseAddrPort("224.0.0.1:0") }},
	"source of IPv6":       {dsrudp.ErrNotLocal, func(p *dsrudp.Packet) { p.Path.Local = netip.MustParseAddrPort("[::1]:0") }},
	"no remote address":    {nil, func(p *dsrudp.Packet) { p.Path.Remote = netip.AddrPort{} }},
	"remote of IPv6":       {nil, func(p *dsrudp.Packet) { p.Path.Remote = netip.MustParseAddrPort("[2001:db8::9]:9") }},
	"too long":             {syscall.EMSGSIZE, func(p *dsrudp.Packet) { p.Buf, p.N = make([]byte, 65508), 65508 }},
	"N negative":           {syscall.EINVAL, func(p *dsrudp.Packet) { p.N = -1 }},
	"N beyond the buffer":  {syscall.EINVAL, func(p *dsrudp.Packet) { p.N = len(p.Buf) + 1 }},
	"SegmentSize negative": {syscall.EINVAL, func(p *dsrudp.Packet) { p.SegmentSize = -1 }},
	"no ECN mark":          {syscall.EINVAL, func(p *dsrudp.Packet) { p.ECN = 4 }},
	"long segments": {syscall.EMSGSIZE, func(p *dsrudp.Packet) {
		p.Buf, p.N, p.SegmentSize = make([]byte, 132000), 132000, 66000
	}},
}

// TestPromise7_WritePackets: one bad Packet, wherever it is, has the error that WriteToPath
// would return, and all others arrive, once and in order. Err joins those of all.
func TestPromise7_WritePackets(t *testing.T) {
	const count = 5
	for _, w := range wildcards[:2] {
		c := listen(t, w.network, w.address)
		x := dialVIP(t, c, vips[0])
		path := pathFrom(c, vips[0], x)
		var all []dsrudp.Packet
		for name, bad := range badPackets {
			t.Run(w.network+"/"+name, func(t *testing.T) {
				if bad.want == dsrudp.ErrNotLocal {
					needNetlink(t)
				}
				for at := range count {
					before := c.Stats()
					ps := make([]dsrudp.Packet, count)
					for i := range ps {
						ps[i] = packet(fmt.Sprintf("%d of %d", i, at), path)
						ps[i].Err = os.ErrInvalid // of before
					}
					bad.spoil(&ps[at])
					n, err := c.WritePackets(ps)
					require.Equal(t, count-1, n)
					require.EqualValues(t, n, c.Stats().Sent-before.Sent)
					require.EqualValues(t, n*len("0 of 0"), c.Stats().SentBytes-before.SentBytes)
					requireWriteOp(t, err, bad.want)
					for i := range ps {
						if i == at {
							requireWriteOp(t, ps[i].Err, bad.want)
							require.ErrorIs(t, err, ps[i].Err)
							continue
						}
						require.NoError(t, ps[i].Err)
						require.Equal(t, fmt.Sprintf("%d of %d", i, at), read(t, x))
					}
					if p := ps[at]; p.N >= 0 && p.N <= len(p.Buf) && p.SegmentSize == 0 && p.ECN == 0 {
						_, want := c.WriteToPath(p.Payload(), p.Path)
						requireSameError(t, want, p.Err)
					}
				}
				requireNothing(t, x)
			})
			p := packet("bad", path)
			bad.spoil(&p)
			all = append(all, p)
		}
		n, err := c.WritePackets(all)
		require.Zero(t, n)
		for _, p := range all {
			require.ErrorIs(t, err, p.Err)
		}
		require.Len(t, strings.Split(err.Error(), "\n"), len(all))
		n, err = c.WritePackets(nil)
		require.NoError(t, err)
		require.Zero(t, n)
	}
}

// TestWritePacketsCounts: a Packet with segments that is refused counts as its datagrams,
// whether the kernel refused it, the guard, or nobody was asked.
func TestWritePacketsCounts(t *testing.T) {
	needNetlink(t)
	for _, tc := range []struct {
		local  netip.AddrPort
		remote string
		want   error
	}{
		{netip.MustParseAddrPort("192.0.2.77:0"), "127.0.0.1:9", dsrudp.ErrNotLocal},
		{netip.MustParseAddrPort("[2001:db8::77]:0"), "[::1]:9", dsrudp.ErrNotLocal},
		{netip.AddrPort{}, "127.0.0.1:9", dsrudp.ErrNoPath},
	} {
		c := listen(t, "udp", ":0")
		p := packet(string(make([]byte, 1000)), dsrudp.Path{Local: tc.local, Remote: netip.MustParseAddrPort(tc.remote)})
		p.SegmentSize = 99
		n, err := c.WritePackets([]dsrudp.Packet{p})
		require.Zero(t, n)
		require.ErrorIs(t, err, tc.want)
		require.EqualValues(t, 11, c.Stats().Refused, "from %v", tc.local)
	}
}

// TestWritePacketsConnected: on an adopted connected socket Packets go to the peer, and to
// no other.
func TestWritePacketsConnected(t *testing.T) {
	x := listen(t, "udp4", "127.0.0.1:0")
	c := adopt(t, dial(t, netip.AddrPort{}, addrPortOf(x.LocalAddr())))
	path := dsrudp.Path{Local: addrPortOf(c.LocalAddr()), Remote: addrPortOf(x.LocalAddr())}
	other := path
	other.Remote = netip.MustParseAddrPort("127.0.0.1:9")
	ps := []dsrudp.Packet{packet("1", path), packet("2", other), packet("3", path)}
	n, err := c.WritePackets(ps)
	require.Equal(t, 2, n)
	require.ErrorIs(t, err, net.ErrWriteToConnected)
	for _, want := range []string{"1", "3"} {
		got := readAll(t, x, 1)[0]
		require.Equal(t, want, string(got.Payload()))
		require.Equal(t, path.Local, got.Path.Remote)
	}
}

// TestPromise1_K6_8_Merged: Packets of one Path, and the segments of one, leave as one message
// each, from their VIP, also where the bound address is left out of the message. With
// NoOffload each datagram leaves by itself (K6.8).
func TestPromise1_K6_8_Merged(t *testing.T) {
	v6 := netip.IPv6Loopback()
	for _, w := range []struct {
		network, address string
		vips             []netip.Addr
	}{
		{"udp4", ":0", vips},
		{"udp", ":0", []netip.Addr{vips[0], v6}},
		{"udp6", ":0", []netip.Addr{v6, v6}},
		{"udp4", "127.0.0.2:0", []netip.Addr{vips[0], vips[0]}},
		{"udp6", "[::1]:0", []netip.Addr{v6, v6}},
	} {
		for _, off := range []bool{false, true} {
			c := listenWith(t, &dsrudp.ListenConfig{NoOffload: off}, w.network, w.address)
			var clients []*net.UDPConn
			var ps []dsrudp.Packet
			for _, vip := range w.vips {
				x := dialSegmented(t, c, vip)
				clients = append(clients, x)
				for _, payload := range []string{"12", "34", "5"} {
					p := pathFrom(c, vip, x)
					if payload == "34" {
						p.Local = netip.AddrPortFrom(p.Local.Addr(), 0) // the same, said otherwise
					}
					ps = append(ps, packet(payload, p))
				}
			}
			segments := packet("ababa", ps[0].Path)
			segments.SegmentSize = 2
			writeAll(t, c, append(ps, segments))
			merged, behind := []segmented{{"12345", 2}}, []segmented{{"ababa", 2}}
			if off {
				merged, behind = []segmented{{"12", 0}, {"34", 0}, {"5", 0}}, []segmented{{"ab", 0}, {"ab", 0}, {"a", 0}}
			}
			requireSegmented(t, clients[1], merged...)
			requireSegmented(t, clients[0], append(merged, behind...)...)
			require.Zero(t, c.Stats().OffloadFallbacks)
		}
	}
}

// TestGRO: datagrams that the kernel joined come as one Packet, with its Path, its mark and
// the length of its segments, beside single ones; it is echoed as one.
func TestGRO(t *testing.T) {
	for _, w := range []struct {
		network string
		vips    []netip.Addr
	}{
		{"udp4", vips},
		{"udp", []netip.Addr{vips[1], netip.IPv6Loopback()}},
		{"udp6", []netip.Addr{netip.IPv6Loopback(), netip.IPv6Loopback()}},
	} {
		t.Run(w.network, func(t *testing.T) {
			c := listenWith(t, &dsrudp.ListenConfig{GRO: true, ECN: true}, w.network, ":0")
			var clients []*net.UDPConn
			var want []dsrudp.Packet
			for i, vip := range w.vips {
				x := dialSegmented(t, c, vip)
				setClass(t, x, vip, i+1)
				clients = append(clients, x)
				for _, sg := range []segmented{{bytesOf(i, 1050), 100}, {"single", 0}, {bytesOf(i, 100), 0}} {
					writeSegmented(t, x, sg.payload, 100) // of a single one it says nothing
					p := packet(sg.payload, pathFrom(c, vip, x))
					p.SegmentSize, p.ECN = sg.size, dsrudp.ECN(i+1)
					want = append(want, p)
				}
			}
			ps := readPacketsWithSegments(t, c, len(want))
			for i := range ps {
				require.Equal(t, string(want[i].Payload()), string(ps[i].Payload()))
				want[i].Buf, want[i].Interface = ps[i].Buf, lo
				require.Equal(t, want[i], ps[i])
				ps[i].ECN = 0
			}
			writeAll(t, c, ps)
			for k, x := range clients {
				requireSegmented(t, x, segmented{bytesOf(k, 1050), 100}, segmented{"single", 0}, segmented{bytesOf(k, 100), 0})
			}
		})
	}
}

// TestK6_3_GROTruncated: joined datagrams in a short buffer have lost some, which shows.
func TestK6_3_GROTruncated(t *testing.T) {
	c := listenWith(t, &dsrudp.ListenConfig{GRO: true}, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	writeSegmented(t, x, bytesOf(0, 1000), 100)
	write(t, x, "next")
	ps := packets(2, 250)
	for got := 0; got < 2; {
		n, err := c.ReadPackets(ps[got:])
		require.NoError(t, err)
		got += n
	}
	require.True(t, ps[0].Truncated)
	require.Equal(t, bytesOf(0, 1000)[:250], string(ps[0].Payload()))
	require.Equal(t, 100, ps[0].SegmentSize)
	require.False(t, ps[1].Truncated)
	require.EqualValues(t, 1, c.Stats().Truncated)
}

// TestK6_6_GRORefuses: what would take several datagrams for one, or take some away, is
// refused, and says why. Options can be set, and writes work.
func TestK6_6_GRORefuses(t *testing.T) {
	c := listenWith(t, &dsrudp.ListenConfig{GRO: true}, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	b := make([]byte, 16)
	called := func(uintptr) bool { t.Error("it was called"); return true }
	for name, tc := range map[string]struct {
		op   string
		call func() error
	}{
		"ReadFromPath":        {"read", func() error { _, _, err := c.ReadFromPath(b); return err }},
		"Read":                {"read", func() error { _, err := c.Read(b); return err }},
		"Read of nothing":     {"read", func() error { _, err := c.Read(nil); return err }},
		"ReadFrom":            {"read", func() error { _, _, err := c.ReadFrom(b); return err }},
		"ReadFromUDPAddrPort": {"read", func() error { _, _, err := c.ReadFromUDPAddrPort(b); return err }},
		"ReadMsgUDP":          {"read", func() error { _, _, _, _, err := c.ReadMsgUDP(b, nil); return err }},
		"ReadMsgUDPAddrPort":  {"read", func() error { _, _, _, _, err := c.ReadMsgUDPAddrPort(b, nil); return err }},
		"ReadBatch":           {"read", func() error { _, err := c.ReadBatch(messages(1, 16), 0); return err }},
		"File":                {"file", func() error { _, err := c.File(); return err }},
		"raw read":            {"raw-read", func() error { return raw.Read(called) }},
		"raw write":           {"raw-write", func() error { return raw.Write(called) }},
	} {
		err := tc.call()
		require.ErrorIs(t, err, dsrudp.ErrNotSupported, name)
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
		require.ErrorContains(t, err, "ListenConfig.GRO", name)
		var op *net.OpError
		require.ErrorAs(t, err, &op, name)
		require.Equal(t, tc.op, op.Op, name)
	}
	setsockopts(t, c, [2]int{unix.SOL_SOCKET, unix.SO_BROADCAST})

	p := readPacketsWithSegments(t, c, 1)[0]
	require.Equal(t, "1", string(p.Payload()), "none of those took it")
	_, err = c.WriteToPath([]byte("2"), p.Path)
	require.NoError(t, err)
	require.Equal(t, "2", read(t, x))
	_, err = c.WriteTo([]byte("3"), net.UDPAddrFromAddrPort(p.Path.Remote))
	require.NoError(t, err)
	require.Equal(t, "3", read(t, x))
}

// ecnSockets are sockets of all kinds and the addresses they are asked at.
var ecnSockets = []struct {
	network string
	vip     netip.Addr
}{{"udp4", vips[0]}, {"udp", vips[0]}, {"udp", netip.IPv6Loopback()}, {"udp6", netip.IPv6Loopback()}}

// TestK6_7_ECNReceived: each datagram has its own mark, without the rest of the field, and
// only if that was asked for.
func TestK6_7_ECNReceived(t *testing.T) {
	for _, s := range ecnSockets {
		for _, on := range []bool{true, false} {
			c := listenWith(t, &dsrudp.ListenConfig{ECN: on}, s.network, ":0")
			x := dialVIP(t, c, s.vip)
			classes := []int{0, 1, 2, 3, 0xb8, 0xb9, 0, 0xff}
			for _, class := range classes {
				setClass(t, x, s.vip, class)
				write(t, x, "1")
			}
			for i, p := range readAll(t, c, len(classes)) {
				want := dsrudp.ECN(classes[i] & 3)
				if !on {
					want = dsrudp.NotECT
				}
				require.Equal(t, want, p.ECN, "%s %v class %d", s.network, s.vip, classes[i])
				require.Equal(t, pathFrom(c, s.vip, x), p.Path)
			}
		}
	}
	require.Equal(t, []dsrudp.ECN{0, 1, 2, 3}, []dsrudp.ECN{dsrudp.NotECT, dsrudp.ECT1, dsrudp.ECT0, dsrudp.CE})
}

// TestK6_7_ECNSent: each Packet leaves with its own mark and the socket's own class, alone,
// merged and in segments, whether that was set by Control before or on the open Conn, by
// golang.org/x/net or directly.
func TestK6_7_ECNSent(t *testing.T) {
	for _, s := range ecnSockets {
		c := listenWith(t, &dsrudp.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
			return rc.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, 0xb8)
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0xb8)
			})
		}}, s.network, ":0")
		x := dialVIP(t, c, s.vip)
		setsockopts(t, x, recvClass(s.vip))
		byXNet := ipv4.NewPacketConn(c).SetTOS
		if s.vip.Is6() {
			byXNet = ipv6.NewPacketConn(c).SetTrafficClass
		}
		for i, own := range []int{0xb8, 0xb8 | 1, 0x48, 0} {
			t.Run(fmt.Sprintf("%s %v %#x", s.network, s.vip, own), func(t *testing.T) {
				switch i {
				case 0: // it is so already
				case 1:
					setClass(t, c, s.vip, own)
				default:
					require.NoError(t, byXNet(own))
				}
				var ps []dsrudp.Packet
				var want []int
				for _, ecn := range []dsrudp.ECN{0, 1, 2, 2, 3, 0, 1} {
					p := packet("1", pathFrom(c, s.vip, x))
					p.ECN = ecn
					ps = append(ps, p)
					want = append(want, classOf(own, ecn))
				}
				p := packet("abc", ps[0].Path)
				p.ECN, p.SegmentSize = dsrudp.CE, 1
				ps = append(ps, p)
				want = append(want, own|3, own|3, own|3)
				writeAll(t, c, ps)
				for i, class := range want {
					require.Equal(t, class, readClass(t, x, s.vip), i)
				}
				requireNothing(t, x)
			})
		}
	}
}
