package dsrudp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// dialSegmented dials a VIP with a socket that shows what left as one message:
// over loopback it arrives as one (UDP_GRO).
func dialSegmented(t *testing.T, c net.PacketConn, vip netip.Addr) *net.UDPConn {
	t.Helper()
	x := dialVIP(t, c, vip)
	setsockopts(t, x, [2]int{unix.IPPROTO_UDP, unix.UDP_GRO})
	require.NoError(t, x.SetReadBuffer(1<<20))
	return x
}

// A segmented payload is received as one, with the length of its segments, 0 for a single datagram.
type segmented struct {
	payload string
	size    int
}

func (sg segmented) String() string { return fmt.Sprintf("%d bytes by %d", len(sg.payload), sg.size) }

// readSegmented receives what dialSegmented's socket has next.
func readSegmented(t *testing.T, x *net.UDPConn) segmented {
	t.Helper()
	b, oob := make([]byte, 1<<16), make([]byte, 64)
	n, oobn, flags, _, err := x.ReadMsgUDPAddrPort(b, oob)
	require.NoError(t, err, "the client drops what comes from another address than it wrote to")
	require.Zero(t, flags)
	sg := segmented{payload: string(b[:n])}
	ms, err := unix.ParseSocketControlMessage(oob[:oobn])
	require.NoError(t, err)
	for _, m := range ms {
		if m.Header.Level == unix.IPPROTO_UDP && m.Header.Type == unix.UDP_GRO {
			sg.size = int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	if sg.size >= n {
		sg.size = 0
	}
	return sg
}

// requireSegmented requires that just these come.
func requireSegmented(t *testing.T, x *net.UDPConn, want ...segmented) {
	t.Helper()
	for i, w := range want {
		got := readSegmented(t, x)
		require.Equal(t, w.String(), got.String(), "of %v, the one with index %d", want, i)
		require.True(t, w == got, "bytes of the one with index %d", i)
	}
	requireNothing(t, x)
}

// writeSegmented sends a payload in segments from a client.
func writeSegmented(t *testing.T, x *net.UDPConn, payload string, size int) {
	t.Helper()
	oob := make([]byte, unix.CmsgSpace(2))
	binary.NativeEndian.PutUint16(cmsghdr(oob, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2), uint16(size))
	_, _, err := x.WriteMsgUDP([]byte(payload), oob, nil)
	require.NoError(t, err)
}

// packetsOf returns a Packet for each size, one behind the other in memory or not.
func packetsOf(p dsrudp.Path, adjacent bool, sizes ...int) (ps []dsrudp.Packet, all string) {
	for i, n := range sizes {
		all += bytesOf(i, n)
	}
	memory, at := []byte(all), 0
	for _, n := range sizes {
		b := memory[at:]
		if !adjacent {
			b = bytes.Clone(b)
		}
		ps = append(ps, dsrudp.Packet{Buf: b, N: n, Path: p})
		at += n
	}
	return ps, all
}

func times(n, size int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

// segmentEndpoints are asked by two clients, where need be at one address.
var segmentEndpoints = []endpoint{
	{"udp4", ":0", vips},
	{"udp", ":0", []netip.Addr{vips[1], loopback6}},
	{"udp6", ":0", []netip.Addr{loopback6, loopback6}},
	{"udp4", "127.0.0.2:0", []netip.Addr{vips[0], vips[0]}},
	{"udp6", "[::1]:0", []netip.Addr{loopback6, loopback6}},
}

// TestPromise1_K6_8_Merged: Packets of one Path, and the segments of one, leave as one message
// each, from their VIP, also where the bound address is left out of the message. With
// NoOffload each datagram leaves by itself (K6.8).
func TestPromise1_K6_8_Merged(t *testing.T) {
	for _, w := range segmentEndpoints {
		for _, off := range []bool{false, true} {
			c := listenWith(t, &dsrudp.ListenConfig{NoOffload: off}, w.network, w.address)
			var clients []*net.UDPConn
			var ps []dsrudp.Packet
			for _, vip := range w.asked {
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
	for _, w := range segmentEndpoints {
		t.Run(w.String(), func(t *testing.T) {
			c := listenWith(t, &dsrudp.ListenConfig{GRO: true, ECN: true}, w.network, w.address)
			var clients []*net.UDPConn
			var want []dsrudp.Packet
			for i, vip := range w.asked {
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
			ps := readInto(t, c, packets(len(want), 1<<16))
			for i := range ps {
				require.Equal(t, string(want[i].Payload()), string(ps[i].Payload()))
				if want[i].Buf = ps[i].Buf; w.address == ":0" {
					want[i].Interface = lo
				}
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
	ps := readInto(t, c, packets(2, 250))
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
	called := func(uintptr) bool { t.Error("it was called"); return true }
	requireRefused := func(op, name string, err error) {
		t.Helper()
		assertOp(t, op, err, dsrudp.ErrNotSupported, name)
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
		require.ErrorContains(t, err, "ListenConfig.GRO", name)
	}
	for name, read := range readers {
		if name != "ReadPackets" {
			requireRefused("read", name, read(c))
		}
	}
	_, err = c.Read(nil)
	requireRefused("read", "Read of nothing", err)
	_, err = c.File()
	requireRefused("file", "File", err)
	requireRefused("raw-read", "raw read", raw.Read(called))
	requireRefused("raw-write", "raw write", raw.Write(called))
	setsockopts(t, c, [2]int{unix.SOL_SOCKET, unix.SO_BROADCAST})

	p := readInto(t, c, packets(1, 1<<16))[0]
	require.Equal(t, "1", string(p.Payload()), "none of those took it")
	_, err = c.WriteToPath([]byte("2"), p.Path)
	require.NoError(t, err)
	require.Equal(t, "2", read(t, x))
	_, err = c.WriteTo([]byte("3"), net.UDPAddrFromAddrPort(p.Path.Remote))
	require.NoError(t, err)
	require.Equal(t, "3", read(t, x))
}

// A seccomp filter is the filter, device or system that takes no merged message. It goes by
// the number of messages, which is two only where a test wants the first of two to fail.

// unmerged returns what each datagram of size bytes arrives as by itself.
func unmerged(all string, size int) (want []segmented) {
	for part := range slices.Chunk([]byte(all), size) {
		want = append(want, segmented{string(part), 0})
	}
	return want
}

// refuseMerged has a merged message to x fail, of which no datagram is lost, beside one to
// other that leaves.
func refuseMerged(t *testing.T, c *dsrudp.Conn, x, other *net.UDPConn, vip netip.Addr) {
	t.Helper()
	ps, all := packetsOf(pathFrom(c, vip, x), true, 10, 10, 10, 10, 7)
	more, allMore := packetsOf(pathFrom(c, vips[0], other), true, times(5, 10)...)
	writeAll(t, c, append(ps, more...))
	requireSegmented(t, x, unmerged(all, 10)...)
	requireSegmented(t, other, segmented{allMore, 10})
}

// requireMerged requires that datagrams of that size are merged for x, or that they are not.
func requireMerged(t *testing.T, c *dsrudp.Conn, x *net.UDPConn, vip netip.Addr, size int, merged bool) {
	t.Helper()
	ps, all := packetsOf(pathFrom(c, vip, x), true, times(3, size)...)
	writeAll(t, c, ps)
	if merged {
		requireSegmented(t, x, segmented{all, size})
	} else {
		requireSegmented(t, x, unmerged(all, size)...)
	}
}

// TestOffloadRefused: a filter that stops a merged message (EPERM) may have gone by the
// length, so that shorter datagrams are still merged for that remote address. That there was
// no room for it (ENOBUFS) says nothing of the next one.
func TestOffloadRefused(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	for _, tc := range []struct {
		errno  unix.Errno
		merged bool
	}{{unix.EPERM, false}, {unix.ENOBUFS, true}} { // of several filters the last made decides
		forbid(t, tc.errno, unix.SYS_SENDMMSG, map[int]uint32{2: 2})
		for _, network := range []string{"udp4", "udp"} {
			c := listen(t, network, ":0")
			x, other := dialSegmented(t, c, vips[1]), dialSegmented(t, c, vips[0])
			refuseMerged(t, c, x, other, vips[1])
			requireMerged(t, c, x, vips[1], 10, tc.merged)
			requireMerged(t, c, x, vips[1], 9, true)
			requireOnlyFallbacks(t, c, 1)
		}
	}
}

func requireOnlyFallbacks(t *testing.T, c *dsrudp.Conn, n uint64) {
	t.Helper()
	require.Equal(t, dsrudp.Stats{OffloadFallbacks: n}, faults(c), "nothing failed")
}

// TestK6_4_OffloadUnable: where the device cannot do what segments need (EIO) no more are
// merged for that remote address, however short. After several such addresses none are for
// any.
func TestK6_4_OffloadUnable(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	const hostFault = 8 // of internal/batch
	forbid(t, unix.EIO, unix.SYS_SENDMMSG, map[int]uint32{2: 2})
	for _, network := range []string{"udp4", "udp"} {
		c := listen(t, network, ":0")
		able := dialSegmented(t, c, vips[0]) // from 127.0.0.1
		for i := range hostFault {
			requireMerged(t, c, able, vips[0], 10, true)
			local := netip.MustParseAddrPort(fmt.Sprintf("127.0.1.%d:0", 1+i))
			x := dial(t, local, netip.AddrPortFrom(vips[1], portOf(c)))
			setsockopts(t, x, [2]int{unix.IPPROTO_UDP, unix.UDP_GRO})
			refuseMerged(t, c, x, able, vips[1])
			requireMerged(t, c, x, vips[1], 10, false)
			requireMerged(t, c, x, vips[1], 1, false)
		}
		requireMerged(t, c, able, vips[0], 10, false)
		requireOnlyFallbacks(t, c, hostFault)
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
