package source_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

var foreign = netip.MustParseAddr("198.51.100.77")

// needGuard skips the test where the kernel cannot be asked for local addresses.
func needGuard(t *testing.T, c source.Config) {
	t.Helper()
	needNetlink(t)
	require.NotNil(t, c.Guard)
}

// segments returns a message that says that several datagrams came as one.
func segments(size uint32) []byte {
	oob := pktinfo.AppendClass(nil, true, 0) // a number too
	h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_GRO
	binary.NativeEndian.PutUint32(oob[unix.CmsgLen(0):], size)
	return oob
}

// TestPromise3_Arrived: where to answer a datagram from is its destination or, for one to a
// group, a unicast address of the interface that it arrived on (K1.11, K1.12, K3.1, K3.2).
// It is remembered as the remote's.
func TestPromise3_Arrived(t *testing.T) {
	_, lo := loopback(t)
	const gone = 1 << 30 // no interface
	none, broadcast := netip.IPv4Unspecified(), netip.MustParseAddr("127.255.255.255")
	group, group6 := netip.MustParseAddr("224.0.0.251"), netip.MustParseAddr("ff02::fb")
	linkLocal := netip.MustParseAddr("fe80::1")
	mapped := func(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }
	wildcard, bound := config(t, "udp", ":0"), config(t, "udp4", "127.0.0.2:0")
	needGuard(t, wildcard)
	adopted := bound
	adopted.Adopted = true
	for _, tc := range []struct {
		name    string
		config  source.Config
		control []byte
		want    source.Arrival
	}{
		{"IPv4", wildcard, control4(vip, vip, lo), source.Arrival{Local: source.Local{Addr: vip}, Ifindex: lo}},
		{"IPv4, both messages", wildcard, append(control6(mapped(broadcast), lo), control4(one, broadcast, lo)...), source.Arrival{Local: source.Local{Addr: one}, Dst: broadcast, Ifindex: lo}},
		{"mapped", wildcard, control6(mapped(vip), lo), source.Arrival{Local: source.Local{Addr: vip}, Ifindex: lo}},
		{"broadcast", wildcard, control4(one, broadcast, lo), source.Arrival{Local: source.Local{Addr: one}, Dst: broadcast, Ifindex: lo}},
		{"multicast, the address is another interface's", wildcard, control4(foreign, group, lo), source.Arrival{Local: source.Local{Addr: one}, Dst: group, Ifindex: lo}},
		{"multicast, no such interface", wildcard, control4(foreign, group, gone), source.Arrival{Local: source.Local{Addr: foreign}, Dst: group, Ifindex: gone}},
		{"multicast, unknown interface", wildcard, control4(foreign, group, 0), source.Arrival{Local: source.Local{Addr: foreign}, Dst: group}},
		{"queued", wildcard, control4(none, vip, 0), source.Arrival{Local: source.Local{Addr: vip}}},
		{"queued broadcast", wildcard, control4(none, broadcast, 0), source.Arrival{Dst: broadcast}},
		{"queued for another host", wildcard, control4(none, foreign, 0), source.Arrival{Dst: foreign}},
		{"IPv6", wildcard, control6(one6, lo), source.Arrival{Local: source.Local{Addr: one6}, Ifindex: lo}},
		{"link-local", wildcard, control6(linkLocal, 7), source.Arrival{Local: source.Local{Addr: linkLocal, Ifindex: 7}, Ifindex: 7}},
		{"IPv6 multicast", wildcard, control6(group6, 7), source.Arrival{Local: source.Local{Addr: netip.IPv6Unspecified(), Ifindex: 7}, Dst: group6, Ifindex: 7}},
		{"lost", wildcard, nil, source.Arrival{}},
		{"bound", bound, nil, source.Arrival{Local: source.Local{Addr: vip}}},
		{"bound, the caller's own option", bound, control4(one, broadcast, lo), source.Arrival{Local: source.Local{Addr: vip}, Ifindex: lo}},
		{"adopted", adopted, control4(other, other, lo), source.Arrival{Local: source.Local{Addr: other}, Ifindex: lo}},
		{"adopted, lost", adopted, nil, source.Arrival{Local: source.Local{Addr: vip}}},
		{"adopted, queued broadcast", adopted, control4(none, broadcast, 0), source.Arrival{Local: source.Local{Addr: vip}, Dst: broadcast}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.config.Memory = pathmem.New(100)
			s := source.New(tc.config)
			peer := addrOf(one, 0)
			if !tc.want.Local.Addr.Is4() {
				peer = addrOf(netip.MustParseAddr("fe80::9"), 7)
			}
			for _, from := range []mmsg.Addr{peer, {}} { // some have no remote address
				for _, segmentSize := range []uint32{0, 10, 100} {
					r := mmsg.Received{N: 100, From: from, Control: slices.Concat(segments(segmentSize), tc.control, pktinfo.AppendClass(nil, true, 0xb8|3))}
					want := tc.want
					want.ECN = 3
					if segmentSize == 10 { // one that is not less is a single datagram's
						want.SegmentSize = 10
					}
					var got source.Arrival
					s.Arrived(&r, &got)
					require.Equal(t, want, got)
				}
			}
			var h source.Header
			err := s.ByArrival(&peer, &source.Arrival{Local: tc.want.Local}, &h)
			if lost := !tc.want.Local.Addr.IsValid(); lost {
				require.EqualValues(t, 6, s.Counts.LostPath.Load())
				require.ErrorIs(t, err, source.ErrNoPath)
				require.ErrorIs(t, s.ByAddrPort(s.RemoteAddrPort(&peer), new(source.Header)), source.ErrNoPath)
			} else {
				require.Zero(t, s.Counts.LostPath.Load())
				require.NoError(t, err)
				require.Equal(t, source.Header{Local: tc.want.Local, Remote: peer}, h)
			}
			if s.Memory != nil {
				local, state := s.Find(s.RemoteAddrPort(&peer))
				require.Equal(t, tc.want.Local.Addr.IsValid(), state == pathmem.Known)
				require.Equal(t, tc.want.Local, local)
				entries, _, _ := s.Memory.Usage()
				require.Equal(t, 1, entries, "a remote without an address is not remembered")
				if peer.Ifindex != 0 {
					peer.Ifindex++
					_, state = s.Find(s.RemoteAddrPort(&peer))
					require.Equal(t, pathmem.Unknown, state, "that is another")
				}
			}
		})
	}
}

// TestPromise8_GroupSources: what is remembered of them is bounded, of any number of addresses.
func TestPromise8_GroupSources(t *testing.T) {
	s := selector(t, "udp4", ":0")
	_, lo := loopback(t)
	for i := range source.MaxKept + 2 {
		specDst := netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)})
		s.Arrived(&mmsg.Received{Control: control4(specDst, netip.MustParseAddr("224.0.0.251"), lo)}, new(source.Arrival))
		_, groups := s.Kept()
		require.LessOrEqual(t, groups, source.MaxKept)
	}
}

// TestPromise1_QueuedForOther: a datagram that was queued for another address, before the
// socket had IP_PKTINFO and was bound, is not answered from the bound one, whether that
// address is the host's or nobody knows.
func TestPromise1_QueuedForOther(t *testing.T) {
	asked := config(t, "udp4", "127.0.0.2:0")
	needGuard(t, asked)
	asked.Adopted = true
	denied := asked
	denied.Guard = nil
	for _, tc := range []struct {
		config source.Config
		closed bool // the guard, from then on
		dst    netip.Addr
		want   source.Local
	}{
		{asked, false, vip, source.Local{Addr: vip}},
		{asked, false, other, source.Local{Addr: other}},
		{asked, false, foreign, source.Local{}},
		{denied, false, vip, source.Local{Addr: vip}},
		{denied, false, other, source.Local{}},
		{asked, true, other, source.Local{}},
	} {
		if tc.closed {
			require.NoError(t, asked.Guard.Close())
		}
		s := source.New(tc.config)
		var a source.Arrival
		s.Arrived(&mmsg.Received{N: 1, From: addrOf(one, 0), Control: control4(netip.IPv4Unspecified(), tc.dst, 0)}, &a)
		require.Equal(t, tc.want, a.Local, tc.dst)
		var h source.Header
		err := s.ByArrival(&mmsg.Addr{AddrPort: netip.AddrPortFrom(one, 9)}, &a, &h)
		if tc.want.Addr.IsValid() {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, source.ErrNoPath)
		require.EqualValues(t, 1, s.Counts.LostPath.Load())
	}
}
