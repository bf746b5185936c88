package dsrudp_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// merges are the lengths of Packets of one Path, and how many of them leave as
// one message each.
var merges = []struct {
	name   string
	sizes  []int
	counts []int
}{
	{"one", []int{100}, []int{1}},
	{"equal", times(5, 100), []int{5}},
	{"the last is shorter", []int{100, 100, 100, 50}, []int{4}},
	{"none behind a shorter one", []int{100, 50, 50, 100}, []int{2, 1, 1}},
	{"longer", []int{100, 200, 200, 300}, []int{1, 2, 1}},
	{"growing", []int{1, 2, 3}, []int{1, 1, 1}},
	{"empty ones stay alone", []int{100, 0, 100, 0, 0}, []int{1, 1, 1, 1, 1}},
	{"more than a message has segments", times(130, 10), []int{128, 2}},
	{"more than a message has bytes", times(60, 1200), []int{54, 6}},
	{"many messages", slices.Concat(times(40, 10), times(40, 20), times(40, 30)), []int{40, 40, 40}},
	{"one byte each", times(128, 1), []int{128}},
}

// TestMerging: datagrams of one Path and length leave as one message, in order and
// whole, wherever in memory they are.
func TestMerging(t *testing.T) {
	for _, w := range []struct {
		network string
		vip     netip.Addr
	}{{"udp4", vips[0]}, {"udp", vips[0]}, {"udp", netip.IPv6Loopback()}, {"udp6", netip.IPv6Loopback()}} {
		c := listen(t, w.network, ":0")
		x := dialTrains(t, c, w.vip)
		for _, adjacent := range []bool{true, false} {
			for _, g := range merges {
				t.Run(w.network+"/"+w.vip.String()+"/"+g.name, func(t *testing.T) {
					ps, all := packetsOf(pathFrom(c, w.vip, x), adjacent, g.sizes...)
					if w.vip.Is6() && g.name == "growing" {
						ps[0].Path.Local = netip.AddrPortFrom(w.vip, 0) // the same, said otherwise
					}
					writeAll(t, c, ps)
					var want []train
					at, i := 0, 0
					for _, count := range g.counts {
						tr := train{size: g.sizes[i]}
						for range count {
							tr.payload += all[at : at+g.sizes[i]]
							at += g.sizes[i]
							i++
						}
						if count == 1 {
							tr.size = 0
						}
						want = append(want, tr)
					}
					requireTrains(t, x, want...)
				})
			}
		}
		require.Zero(t, c.Stats().OffloadFallbacks)
	}
}

// TestMergingBound: so they do from the bound address, which the messages do not
// name.
func TestMergingBound(t *testing.T) {
	for _, w := range []struct {
		network string
		vip     netip.Addr
	}{{"udp4", vips[0]}, {"udp6", netip.IPv6Loopback()}} {
		c := listen(t, w.network, netip.AddrPortFrom(w.vip, 0).String())
		x := dialTrains(t, c, w.vip)
		path := pathFrom(c, w.vip, x)
		segments := packet("ababa", path)
		segments.SegmentSize = 2
		writeAll(t, c, []dsrudp.Packet{packet("12", path), packet("34", path), packet("5", path), segments})
		requireTrains(t, x, train{"12345", 2}, train{"ababa", 2})
		require.Zero(t, c.Stats().OffloadFallbacks)
	}
}

// TestMergingEnds: a merged message has one Path and one mark. What has another Path does
// not end it, nor does a Packet that is not sent, but what is of its Path and no part
// of it does, so that each Path's order is kept.
func TestMergingEnds(t *testing.T) {
	c := listen(t, "udp", ":0")
	x, y := dialTrains(t, c, vips[0]), dialTrains(t, c, vips[1])
	toX, toY := pathFrom(c, vips[0], x), pathFrom(c, vips[1], y)
	two, four := train{"abab", 2}, train{"abababab", 2}
	a, ab, cd := packet("a", toX), packet("ab", toX), packet("cd", toY)
	marked := ab
	marked.ECN = dsrudp.ECT0
	segments := packet("ababab", toX)
	segments.SegmentSize = 2
	bad := ab
	bad.Path.Local = netip.AddrPort{}
	foreign := ab
	foreign.Path.Local = netip.MustParseAddrPort("198.51.100.77:0")

	for _, tc := range []struct {
		name   string
		ps     []dsrudp.Packet
		failed int
		x, y   []train
	}{
		{"other Path", []dsrudp.Packet{ab, ab, cd, cd, ab, ab}, 0, []train{four}, []train{{"cdcd", 2}}},
		{"in turn", []dsrudp.Packet{ab, cd, ab, cd}, 0, []train{two}, []train{{"cdcd", 2}}},
		{"shorter", []dsrudp.Packet{ab, cd, a, cd, ab, cd, ab}, 0, []train{{"aba", 2}, two}, []train{{"cdcdcd", 2}}},
		{"longer", []dsrudp.Packet{a, cd, ab, cd, a, cd, a}, 0, []train{{"a", 0}, {"aba", 2}, {"a", 0}}, []train{{"cdcdcd", 2}}},
		{"other mark", []dsrudp.Packet{ab, ab, marked, marked, ab, ab}, 0, []train{two, two, two}, nil},
		{"a train", []dsrudp.Packet{ab, ab, segments, ab, ab}, 0, []train{two, {"ababab", 2}, two}, nil},
		{"bad", []dsrudp.Packet{ab, ab, bad, ab, ab}, 1, []train{four}, nil},
		{"foreign", []dsrudp.Packet{ab, ab, foreign, foreign, ab, ab}, 2, []train{four}, nil},
		{"bad first and last", []dsrudp.Packet{bad, ab, ab, ab, ab, bad}, 2, []train{four}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n, err := c.WritePackets(tc.ps)
			require.Equal(t, len(tc.ps)-tc.failed, n)
			require.Equal(t, tc.failed > 0, err != nil)
			requireTrains(t, x, tc.x...)
			requireTrains(t, y, tc.y...)
		})
	}
}

// TestNoOffload: each datagram leaves by itself, those of a train too.
func TestNoOffload(t *testing.T) {
	c := listenWith(t, &dsrudp.ListenConfig{NoOffload: true}, "udp", ":0")
	x := dialTrains(t, c, vips[0])
	path := pathFrom(c, vips[0], x)
	segments := packet("ababa", path)
	segments.SegmentSize = 2
	writeAll(t, c, []dsrudp.Packet{packet("12", path), packet("34", path), segments})
	requireTrains(t, x, train{"12", 0}, train{"34", 0}, train{"ab", 0}, train{"ab", 0}, train{"a", 0})
}

// TestSegmentSize (K6.2): a train leaves as one message, or as few as the kernel's
// limits allow.
func TestSegmentSize(t *testing.T) {
	c := listen(t, "udp", ":0")
	for _, vip := range []netip.Addr{vips[0], netip.IPv6Loopback()} {
		x := dialTrains(t, c, vip)
		for _, tc := range []struct{ n, size, first, count int }{
			{1000, 100, 1000, 1},
			{1050, 100, 1050, 1},
			{100, 100, 100, 1},
			{100, 99, 100, 1},
			{100, 200, 100, 1},
			{100, 1 << 20, 100, 1},
			{0, 100, 0, 1},
			{200, 1, 128, 2},
			{20000, 100, 12800, 2},
			{100000, 1000, 65000, 2},
			{65507, 1400, 46 * 1400, 2},
			{65000, 40000, 40000, 2},
		} {
			p := packet(bytesOf(0, tc.n), pathFrom(c, vip, x))
			p.SegmentSize = tc.size
			writeAll(t, c, []dsrudp.Packet{p})
			rest := string(p.Payload())
			for range tc.count {
				k := min(len(rest), tc.first)
				want := train{rest[:k], tc.size}
				if tc.size >= k {
					want.size = 0
				}
				rest = rest[k:]
				got := readTrain(t, x)
				require.Equal(t, want.String(), got.String())
				require.True(t, want == got)
			}
			require.Empty(t, rest)
			requireNothing(t, x)
		}
	}
	require.Zero(t, c.Stats().OffloadFallbacks)
}
