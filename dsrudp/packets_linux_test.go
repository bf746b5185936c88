package dsrudp_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

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
		readInto(t, c, ps)
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

// badPackets are ways to spoil one Packet, with what its error matches.
var badPackets = map[string]struct {
	want  error
	spoil func(p *dsrudp.Packet)
}{
	"no local address": {dsrudp.ErrNoPath, func(p *dsrudp.Packet) { p.Path.Local = netip.AddrPort{} }},
	"0.0.0.0":          {dsrudp.ErrNoPath, func(p *dsrudp.Packet) { p.Path.Local = netip.MustParseAddrPort("0.0.0.0:0") }},
	"0.0.0.0 and the port": {dsrudp.ErrNoPath, func(p *dsrudp.Packet) {
		p.Path.Local = netip.AddrPortFrom(netip.IPv4Unspecified(), p.Path.Local.Port())
	}},
	"::":                   {dsrudp.ErrNoPath, func(p *dsrudp.Packet) { p.Path.Local = netip.MustParseAddrPort("[::]:0") }},
	"broadcast as source":  {dsrudp.ErrNotLocal, func(p *dsrudp.Packet) { p.Path.Local = netip.MustParseAddrPort("255.255.255.255:0") }},
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
	"foreign source of segments": {dsrudp.ErrNotLocal, func(p *dsrudp.Packet) {
		p.Buf, p.N, p.SegmentSize = make([]byte, 1000), 1000, 99
		p.Path.Local = netip.MustParseAddrPort("198.51.100.77:0")
	}},
	"no local address of segments": {dsrudp.ErrNoPath, func(p *dsrudp.Packet) {
		p.Buf, p.N, p.SegmentSize = make([]byte, 1000), 1000, 99
		p.Path.Local = netip.AddrPort{}
	}},
}

// TestPromise1_Promise7_WritePackets: one bad Packet, wherever it is, has the error that
// WriteToPath returns, and all others arrive, once and in order, however their Path names their
// source. Err joins those of all. A refusal is counted, with segments as their datagrams.
func TestPromise1_Promise7_WritePackets(t *testing.T) {
	const count = 5
	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		x := dialVIP(t, c, vips[0])
		path := pathFrom(c, vips[0], x)
		paths := []dsrudp.Path{path, pathTo("127.0.0.2", path.Remote), pathTo("::ffff:127.0.0.2", path.Remote)}
		var all []dsrudp.Packet
		for name, bad := range badPackets {
			t.Run(fmt.Sprint(w, "/", name), func(t *testing.T) {
				if bad.want == dsrudp.ErrNotLocal {
					needNetlink(t)
				}
				for at := range count {
					before := c.Stats()
					ps := make([]dsrudp.Packet, count)
					for i := range ps {
						ps[i] = packet(fmt.Sprintf("%d of %d", i, at), paths[i%len(paths)])
						ps[i].Err = os.ErrInvalid // of before
					}
					ps[at].Path = path
					bad.spoil(&ps[at])
					n, err := c.WritePackets(ps)
					require.Equal(t, count-1, n)
					require.EqualValues(t, n, c.Stats().Sent-before.Sent)
					require.EqualValues(t, n*len("0 of 0"), c.Stats().SentBytes-before.SentBytes)
					assertOp(t, "write", err, bad.want)
					for i := range ps {
						if i == at {
							assertOp(t, "write", ps[i].Err, bad.want)
							require.ErrorIs(t, err, ps[i].Err)
							continue
						}
						require.NoError(t, ps[i].Err)
						require.Equal(t, fmt.Sprintf("%d of %d", i, at), read(t, x))
					}
					p, refused := ps[at], uint64(0)
					if errors.Is(p.Err, dsrudp.ErrNotLocal) || errors.Is(p.Err, dsrudp.ErrNoPath) {
						refused = uint64(len(slices.Collect(p.Segments())))
					}
					require.Equal(t, refused, c.Stats().Refused-before.Refused)
					if p.N >= 0 && p.N <= len(p.Buf) && p.SegmentSize == 0 && p.ECN == 0 {
						_, want := c.WriteToPath(p.Payload(), p.Path)
						requireSameError(t, want, p.Err)
						require.Equal(t, 2*refused, c.Stats().Refused-before.Refused)
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

// ecnSockets are sockets of all kinds and the addresses they are asked at.
var ecnSockets = []struct {
	network string
	vip     netip.Addr
}{{"udp4", vips[0]}, {"udp", vips[0]}, {"udp", loopback6}, {"udp6", loopback6}}

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

// classOf returns what a mark makes of a socket's own class: 0 leaves it alone.
func classOf(own int, ecn dsrudp.ECN) int {
	if ecn == dsrudp.NotECT {
		return own
	}
	return own&^3 | int(ecn)
}

func recvClass(vip netip.Addr) [2]int {
	if vip.Is6() {
		return [2]int{unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS}
	}
	return [2]int{unix.IPPROTO_IP, unix.IP_RECVTOS}
}

// readClass receives one datagram and returns the field that the mark is in.
func readClass(t *testing.T, x *net.UDPConn, vip netip.Addr) int {
	t.Helper()
	oob := make([]byte, 64)
	_, oobn, _, _, err := x.ReadMsgUDPAddrPort(make([]byte, 16), oob)
	require.NoError(t, err)
	ms, err := unix.ParseSocketControlMessage(oob[:oobn])
	require.NoError(t, err)
	require.Len(t, ms, 1)
	require.EqualValues(t, recvClass(vip)[0], ms[0].Header.Level)
	if vip.Is4() {
		return int(ms[0].Data[0])
	}
	return int(binary.NativeEndian.Uint32(ms[0].Data))
}

// setClass sets what a client marks its datagrams with.
func setClass(t *testing.T, x syscall.Conn, vip netip.Addr, class int) {
	t.Helper()
	level, name := unix.IPPROTO_IP, unix.IP_TOS
	if vip.Is6() {
		level, name = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	onFd(t, x, func(fd int) { require.NoError(t, unix.SetsockoptInt(fd, level, name, class), "%v", vip) })
}
