package batch_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/batch"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

var other, one6 = netip.MustParseAddr("127.0.0.3"), netip.IPv6Loopback()

// A message is a payload and the length of its segments, 0 for a single datagram.
type message struct {
	payload string
	size    int
}

func (m message) String() string { return fmt.Sprintf("%d bytes by %d", len(m.payload), m.size) }

// joined is client with a socket that shows what left as one message: over loopback it
// arrives as one (UDP_GRO).
func joined(t *testing.T, f *fixture, vip netip.Addr) (*net.UDPConn, source.Header) {
	t.Helper()
	x, h := client(t, f, vip)
	setGRO(t, x)
	return x, h
}

func setGRO(t *testing.T, x *net.UDPConn) {
	t.Helper()
	require.NoError(t, x.SetReadBuffer(1<<20))
	onFD(t, x, mmsg.SetGRO)
}

func onFD(t *testing.T, x *net.UDPConn, f func(fd uintptr) error) {
	t.Helper()
	raw, err := x.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { err = f(fd) }))
	require.NoError(t, err)
}

// readMessage receives what joined's socket has next.
func readMessage(t *testing.T, x *net.UDPConn) message {
	t.Helper()
	b, oob := make([]byte, 1<<16), make([]byte, 64)
	n, oobn, flags, _, err := x.ReadMsgUDPAddrPort(b, oob)
	require.NoError(t, err, "the client drops what comes from another address than it wrote to")
	require.Zero(t, flags)
	var info pktinfo.Info
	pktinfo.Parse(oob[:oobn], &info)
	if info.SegmentSize >= n {
		info.SegmentSize = 0
	}
	return message{string(b[:n]), info.SegmentSize}
}

// requireMessages requires that just these come.
func requireMessages(t *testing.T, x *net.UDPConn, want ...message) {
	t.Helper()
	var got []message
	for range want {
		got = append(got, readMessage(t, x))
	}
	require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
	require.True(t, slices.Equal(want, got), "%q, want %q", got, want)
	onFD(t, x, func(fd uintptr) error { // what was sent over loopback has arrived
		n, _, err := unix.Recvfrom(int(fd), make([]byte, 2048), unix.MSG_PEEK)
		require.Equal(t, unix.EAGAIN, err, "%d bytes came twice, or should not have", n)
		return nil
	})
}

// singles are datagrams that each came alone.
func singles(payloads ...string) (ms []message) {
	for _, p := range payloads {
		ms = append(ms, message{p, 0})
	}
	return ms
}

func times(n, size int) []int { return slices.Repeat([]int{size}, n) }

// paths are sockets of all families and a VIP to ask each at.
var paths = []struct {
	network, address string
	vip              netip.Addr
}{{"udp4", ":0", vip}, {"udp", ":0", vip}, {"udp", ":0", one6}, {"udp6", ":0", one6}, {"udp4", "127.0.0.2:0", vip}, {"udp6", "[::1]:0", one6}}

// TestMerge: datagrams of one Header and length leave as one message, of which the last may
// be shorter, up to what a message holds (K6.2): in order, whole, from the VIP.
func TestMerge(t *testing.T) {
	for _, p := range paths {
		f := sender(t, p.network, p.address)
		x, h := joined(t, f, p.vip)
		for _, tc := range []struct {
			name   string
			sizes  []int
			counts []int // of datagrams in a message
		}{
			{"one", []int{100}, []int{1}},
			{"equal", times(5, 100), []int{5}},
			{"the last is shorter", []int{100, 100, 100, 50}, []int{4}},
			{"none behind a shorter one", []int{100, 50, 50, 100}, []int{2, 1, 1}},
			{"longer", []int{100, 200, 200, 300}, []int{1, 2, 1}},
			{"empty ones stay alone", []int{100, 0, 100, 0, 0}, []int{1, 1, 1, 1, 1}},
			{"more than a message has segments", times(130, 10), []int{128, 2}},
			{"more than a message has bytes", times(60, 1200), []int{54, 6}},
			{"many messages", slices.Concat(times(40, 10), times(40, 20), times(40, 30)), []int{40, 40, 40}},
		} {
			t.Run(p.network+p.address+p.vip.String()+"/"+tc.name, func(t *testing.T) {
				var want []message
				i := 0
				for _, count := range tc.counts {
					m := message{size: tc.sizes[i]}
					if count == 1 {
						m.size = 0
					}
					for range count {
						s := bytesOf(i, tc.sizes[i])
						f.add(h, s)
						m.payload += s
						i++
					}
					want = append(want, m)
				}
				f.flush(t)
				requireMessages(t, x, want...)
			})
		}
		require.Zero(t, f.offload.Fallbacks.Load())
	}
}

// TestMergeEnds: what is of another path does not end a message, nor does what fails, but
// what is of its path and no part of it does, so that each path's order is kept.
func TestMergeEnds(t *testing.T) {
	f := sender(t, "udp", ":0")
	x, toX := joined(t, f, vip)
	y, toY := joined(t, f, other)
	for !batch.Apart(&toX, &toY) {
		y, toY = joined(t, f, other)
	}
	marked, bad := toX, toX
	marked.ECN, bad.Local.Addr = 2, foreign
	for _, tc := range []struct {
		added string // x, y, m(arked), b(ad), s(egments of 2) and the payload
		x, y  []message
	}{
		{"xab xab ycd ycd xab xab", []message{{"abababab", 2}}, []message{{"cdcd", 2}}},
		{"xab ycd xab ycd", []message{{"abab", 2}}, []message{{"cdcd", 2}}},
		{"xab ycd xa ycd xab ycd xab", []message{{"aba", 2}, {"abab", 2}}, []message{{"cdcdcd", 2}}},
		{"xa ycd xab ycd xa ycd xa", []message{{"a", 0}, {"aba", 2}, {"a", 0}}, []message{{"cdcdcd", 2}}},
		{"xab xab mab mab xab xab", []message{{"abab", 2}, {"abab", 2}, {"abab", 2}}, nil},
		{"xab xab sababab xab xab", []message{{"abab", 2}, {"ababab", 2}, {"abab", 2}}, nil},
		{"bab xab xab bab bab xab xab bab", []message{{"abababab", 2}}, nil},
	} {
		for range 2 { // the second time there is something left from the first
			words := strings.Fields(tc.added)
			for i, w := range words {
				h, size := toX, 0
				switch w[0] {
				case 'y':
					h = toY
				case 'm':
					h = marked
				case 'b':
					h = bad
				case 's':
					size = 2
				}
				f.Add(i, []byte(w[1:]), size, &h)
			}
			_, failures := f.Flush()
			require.Len(t, failures, strings.Count(tc.added, "b")-strings.Count(tc.added, "ab"))
			requireMessages(t, x, tc.x...)
			requireMessages(t, y, tc.y...)
		}
	}
}

// TestMergeLeftToKernel: what is left to the kernel may be the path of others, and changes
// places with none.
func TestMergeLeftToKernel(t *testing.T) {
	const lo = 1 // the loopback interface, in every namespace
	unspecified4, unspecified6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	for _, tc := range []struct {
		network       string
		vip           netip.Addr
		local, remote *source.Local
	}{
		{"udp4", one, &source.Local{}, nil},
		{"udp", one, &source.Local{}, nil},
		{"udp", one6, &source.Local{}, nil},
		{"udp4", one, &source.Local{Addr: unspecified4, Out: lo}, nil},
		{"udp", one6, &source.Local{Addr: unspecified6, Ifindex: lo}, nil},
		{"udp4", one, nil, &source.Local{Addr: unspecified4}},
		{"udp", one6, nil, &source.Local{Addr: unspecified6}},
	} {
		f := sender(t, tc.network, ":0")
		x, same := joined(t, f, tc.vip)
		left := same
		if tc.local != nil {
			left.Local = *tc.local
		} else {
			left.Remote.AddrPort = netip.AddrPortFrom(tc.remote.Addr, same.Remote.AddrPort.Port())
		}
		f.add(same, "1", "2")
		f.add(left, "3", "4")
		f.add(same, "5", "6")
		f.add(left, "7")
		f.flush(t)
		requireMessages(t, x, message{"12", 1}, message{"34", 1}, message{"56", 1}, message{"7", 0})
		for _, h := range []source.Header{same, left} { // that was another time
			f.add(h, "1", "2")
			f.flush(t)
			requireMessages(t, x, message{"12", 1})
		}
	}
}

// TestMergeInTurn: however the datagrams of more paths than a Sender has messages, or can
// tell apart, come between each other, with whatever lengths, marks and segments: each client
// gets its own, whole and in their order, and some came as one.
func TestMergeInTurn(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 0))
		f := sender(t, []string{"udp4", "udp"}[seed%2], ":0")
		clients := make([]*net.UDPConn, 1+random.IntN(80))
		headers, want := make([]source.Header, len(clients)), make([]string, len(clients))
		for i := range clients {
			clients[i], headers[i] = joined(t, f, netip.AddrFrom4([4]byte{127, 0, 1, byte(1 + i%50)}))
		}
		for i := range 400 {
			k := random.IntN(1 + random.IntN(len(clients))) // some more often
			h, size := headers[k], 0
			switch random.IntN(8) {
			case 0:
				h.ECN = 2
			case 1:
				size = 2
			}
			s := fmt.Sprintf("%03d%.*s", i, random.IntN(3)*random.IntN(3), ".....")
			want[k] += s
			f.AddCopy(i, []byte(s), size, &h)
		}
		_, failures := f.Flush()
		require.Empty(t, failures)
		merged := 0
		for i, x := range clients {
			got := ""
			for len(got) < len(want[i]) {
				m := readMessage(t, x)
				got += m.payload
				if m.size > 2 {
					merged++
				}
			}
			require.Equal(t, want[i], got, "seed %d", seed)
			requireMessages(t, x)
		}
		require.Positive(t, merged)
	}
}

// TestMergeOff: without an Offload the order of all is kept, and segments leave by themselves.
func TestMergeOff(t *testing.T) {
	f := sender(t, "udp4", ":0")
	var x *net.UDPConn // for two VIPs
	var h, h2 source.Header
	for !batch.Apart(&h, &h2) {
		var err error
		x, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(one, 0)))
		require.NoError(t, err)
		defer x.Close()
		h = source.Header{Local: source.Local{Addr: vip}, Remote: mmsg.Addr{AddrPort: x.LocalAddr().(*net.UDPAddr).AddrPort()}}
		h2 = source.Header{Local: source.Local{Addr: other}, Remote: h.Remote}
	}
	require.NoError(t, x.SetDeadline(time.Now().Add(patience)))
	setGRO(t, x)
	add := func() {
		f.add(h, "1")
		f.add(h2, "a")
		f.add(h, "2")
	}
	add()
	f.flush(t)
	requireMessages(t, x, message{"12", 1}, message{"a", 0})

	f.Sender = batch.NewSender(f.source.Socket, f.source, new(batch.Offload))
	add()
	f.Add(3, []byte("ababa"), 2, &h)
	f.added = 6
	f.flush(t)
	requireMessages(t, x, singles("1", "a", "2", "ab", "ab", "a")...)
}

// TestK6_2_Segments: segments that are added as one leave as one message, or as few as the
// kernel's limits allow.
func TestK6_2_Segments(t *testing.T) {
	f := sender(t, "udp", ":0")
	for _, vip := range []netip.Addr{vip, one6} {
		x, h := joined(t, f, vip)
		for _, tc := range []struct{ n, size, first int }{
			{1000, 100, 1000},
			{1050, 100, 1050},
			{100, 100, 100},
			{100, 99, 100},
			{100, 1 << 20, 100},
			{0, 100, 0},
			{200, 1, 128},
			{20000, 100, 12800},
			{100000, 1000, 65000},
			{65507, 1400, 46 * 1400},
			{65000, 40000, 40000},
		} {
			rest := bytesOf(0, tc.n)
			f.Add(0, []byte(rest), tc.size, &h)
			var want []message
			for {
				k := min(len(rest), tc.first)
				m := message{rest[:k], tc.size}
				if tc.size >= k {
					m.size = 0
				}
				want = append(want, m)
				if rest = rest[k:]; rest == "" {
					break
				}
			}
			f.added = max(1, (tc.n+tc.size-1)/tc.size)
			f.flush(t)
			requireMessages(t, x, want...)
		}
	}
	require.Zero(t, f.offload.Fallbacks.Load())
}
