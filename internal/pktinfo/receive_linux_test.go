package pktinfo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// deliver sends one datagram to dst through the loopback interface.
func deliver(t testing.TB, dst netip.AddrPort) {
	t.Helper()
	a := dst.Addr()
	s := open(t, familyFor(a))
	var oob []byte
	if a.Is4() && a.IsMulticast() || a == all4 {
		oob = AppendSource(nil, true, addr("127.0.0.1"), loopback)
	}
	s.set(unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
	s.send([]byte("x"), oob, dst)
}

// join lets s receive from an IPv4 group on the loopback interface.
func (s socket) join(group netip.Addr) {
	s.t.Helper()
	m := &unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(loopback)}
	require.NoError(s.t, unix.SetsockoptIPMreqn(s.fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, m))
}

// What the kernel says of unicast, broadcast and multicast, in the host's byte order, on
// sockets of all families; and of IPv4 where a dual-stack socket has the IPv6 option
// alone, where a broadcast address looks like any other, and the kernel refuses it as a
// source.
func TestK1_11_K3_1_K3_2_K5_5_Receive(t *testing.T) {
	for _, d := range []struct{ dst, local, byIPv6 string }{
		{"127.0.0.1", "127.0.0.1", "127.0.0.1"},
		{"127.0.0.5", "127.0.0.5", "127.0.0.5"},
		{"127.255.255.255", "127.0.0.1", "127.255.255.255"},
		{"224.0.0.251", "127.0.0.1", ""},
		{"255.255.255.255", "127.0.0.1", ""},
		{"::1", "::1", "::1"},
	} {
		dst := addr(d.dst)
		size4, size6 := unix.CmsgSpace(unix.SizeofInet4Pktinfo), unix.CmsgSpace(unix.SizeofInet6Pktinfo)
		for _, tt := range []struct {
			socket, enable Family
			local          string
			size           int // of the control messages: no more than the family needs
			v4, v6         bool
		}{
			{IPv4, IPv4, d.local, size4, true, false},
			{IPv6, IPv6, d.local, size6, false, true},
			{Dual, Dual, d.local, size6 + size4, true, false},
			{Dual, Dual, d.local, size6, false, true},
			{Dual, IPv6, d.byIPv6, size6, true, true},
		} {
			if dst.Is4() && !tt.v4 || dst.Is6() && !tt.v6 {
				continue
			}
			t.Run(fmt.Sprintf("family %d, options of %d, to %v", tt.socket, tt.enable, dst), func(t *testing.T) {
				server := open(t, tt.socket)
				enable(t, server, tt.enable)
				port := server.bind(wildcard(tt.socket))
				if dst.IsMulticast() {
					server.join(dst)
				}
				deliver(t, netip.AddrPortFrom(dst, port))
				info, r := server.recvInfo()
				want := Info{Dst: dst, Ifindex: loopback}
				if tt.local != "" {
					want.Local = addr(tt.local)
				}
				require.Equal(t, want, info)
				require.Len(t, r.oob, tt.size)
				if want.Local == addr("127.255.255.255") {
					require.Error(t, server.trySend([]byte("x"), AppendSource(nil, true, want.Local, 0), r.from))
				}
			})
		}
	}
}

// listenEverything opens a socket with every option on that brings a control message,
// has it drop datagrams, so that the count of them comes too, and sends it one payload
// in three segments with an ECN mark, which is left to be received.
func listenEverything(t testing.TB, f Family, dst netip.Addr) socket {
	t.Helper()
	server, port := listen(t, f)
	for _, o := range []struct {
		level, opt int
		rights     bool // needs some, or a newer kernel
	}{
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, false},
		{unix.SOL_SOCKET, unix.SO_RXQ_OVFL, false},
		{unix.SOL_SOCKET, unix.SO_RCVMARK, true},
		{unix.SOL_SOCKET, unix.SO_RCVPRIORITY, true},
		{unix.IPPROTO_UDP, unix.UDP_GRO, false},
		{unix.IPPROTO_IP, unix.IP_RECVTTL, false},
		{unix.IPPROTO_IP, unix.IP_RECVTOS, false},
		{unix.IPPROTO_IP, unix.IP_RECVORIGDSTADDR, false},
		{unix.IPPROTO_IP, unix.IP_RECVOPTS, false},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, false},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, false},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVORIGDSTADDR, false},
	} {
		if o.level == unix.IPPROTO_IPV6 && f == IPv4 {
			continue
		}
		err := unix.SetsockoptInt(server.fd, o.level, o.opt, 1)
		if o.rights && (err == unix.EPERM || err == unix.ENOPROTOOPT) {
			t.Logf("option %d of level %d: %v", o.opt, o.level, err)
			continue
		}
		require.NoError(t, err, "option %d of level %d", o.opt, o.level)
	}

	server.set(unix.SOL_SOCKET, unix.SO_RCVBUF, 1) // the least there is
	to := netip.AddrPortFrom(dst, port)
	peer := open(t, familyFor(dst))
	dropped := false
	for try := 0; try < 100 && !dropped; try++ {
		for range 50 {
			peer.send(make([]byte, 1400), nil, to)
		}
		var err error
		for err == nil {
			_, _, _, _, err = unix.Recvmsg(server.fd, make([]byte, 2048), nil, unix.MSG_DONTWAIT)
		}
		require.ErrorIs(t, err, unix.EAGAIN)
		peer.send([]byte("probe"), nil, to)
		dropped = has(t, server.recv(Size, 0).oob, unix.SOL_SOCKET, unix.SO_RXQ_OVFL)
	}
	require.True(t, dropped, "the receive buffer never overflowed")

	oob := AppendClass(AppendSegmentSize(nil, 100), dst.Is4(), 0xba)
	for {
		peer.send(make([]byte, 300), oob, to)
		if len(server.recv(0, unix.MSG_PEEK).payload) == 300 {
			return server
		}
		server.recv(0, 0) // a late one of before
	}
}

// has reports whether oob has a message.
func has(t testing.TB, oob []byte, level, typ int32) bool {
	t.Helper()
	ms, err := unix.ParseSocketControlMessage(oob)
	require.NoError(t, err)
	for _, m := range ms {
		if m.Header.Level == level && m.Header.Type == typ {
			return true
		}
	}
	return false
}

// All messages at once fit, and are parsed. Whatever the length of the buffer, Cut gives of
// the user's own what the kernel gives, and what was cut gives the right addresses or none.
func TestK5_1_K5_2_K5_3_Everything(t *testing.T) {
	for _, tt := range []struct {
		name         string
		f            Family
		dst          netip.Addr
		level, other int32 // of the last message
	}{
		{"IPv4", IPv4, addr("127.0.0.5"), unix.IPPROTO_IP, unix.IP_ORIGDSTADDR},
		{"IPv6", IPv6, addr("::1"), unix.IPPROTO_IPV6, unix.IPV6_ORIGDSTADDR},
		{"dual-stack, IPv4 peer", Dual, addr("127.0.0.5"), unix.IPPROTO_IP, unix.IP_ORIGDSTADDR},
		{"dual-stack, IPv6 peer", Dual, addr("::1"), unix.IPPROTO_IPV6, unix.IPV6_ORIGDSTADDR},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := listenEverything(t, tt.f, tt.dst)
			whole := server.recv(Size, unix.MSG_PEEK)
			require.False(t, whole.ctrunc)
			t.Logf("%d bytes", len(whole.oob))
			for _, m := range [][2]int32{
				{unix.SOL_SOCKET, unix.SO_RXQ_OVFL}, {unix.IPPROTO_UDP, unix.UDP_GRO}, {unix.SOL_SOCKET, unix.SO_TIMESTAMPNS}, {tt.level, tt.other},
			} {
				require.True(t, has(t, whole.oob, m[0], m[1]), "%v", m)
			}
			want := Info{Local: tt.dst, Dst: tt.dst, Ifindex: loopback, SegmentSize: 100, ECN: 2}
			var info Info
			Parse(whole.oob, &info)
			require.Equal(t, want, info)

			for size := range Size + 1 {
				kernel := server.recv(size, unix.MSG_PEEK)
				buf := bytes.Repeat([]byte{0xa5}, size) // as recv does: padding is not written
				n, truncated := Cut(buf, whole.oob, Messages{true, true})
				require.Equal(t, kernel.oob, buf[:n], "buffer of %d bytes", size)
				require.Equal(t, kernel.ctrunc, truncated, "buffer of %d bytes", size)
				for _, oob := range [][]byte{kernel.oob, whole.oob[:min(size, len(whole.oob))]} {
					var info Info
					Parse(bytes.Clone(oob), &info)
					require.Contains(t, []int{0, 100}, info.SegmentSize)
					require.Contains(t, []uint8{0, 2}, info.ECN)
					info.SegmentSize, info.ECN = want.SegmentSize, want.ECN
					require.Contains(t, []Info{want, {SegmentSize: 100, ECN: 2}}, info)
				}
			}
		})
	}
}

// x/sys parses the same bytes; see FuzzParse.
func init() {
	secondOpinion = func(b []byte) (info Info) {
		var four, six []byte
		for len(b) >= unix.SizeofCmsghdr {
			h, data, rest, err := unix.ParseOneSocketControlMessage(b)
			if err != nil {
				break
			}
			is := func(level, typ int32, size int) bool {
				return h.Level == level && h.Type == typ && len(data) >= size
			}
			switch {
			case is(unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo):
				four = data
			case is(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo):
				six = data
			case is(unix.SOL_UDP, unix.UDP_GRO, 4):
				info.SegmentSize = int(int32(binary.NativeEndian.Uint32(data)))
			case is(unix.IPPROTO_IP, unix.IP_TOS, 1):
				info.ECN = data[0] % 4
			case is(unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 4):
				info.ECN = uint8(binary.NativeEndian.Uint32(data) % 4)
			}
			b = rest
		}
		unicast := func(a netip.Addr) bool { return !a.IsUnspecified() && !a.IsMulticast() && a != all4 }
		if four != nil {
			info.Ifindex = binary.NativeEndian.Uint32(four)
			info.Dst, _ = netip.AddrFromSlice(four[8:12])
			if spec, _ := netip.AddrFromSlice(four[4:8]); unicast(spec) {
				info.Local = spec
			}
		} else if six != nil {
			info.Ifindex = binary.NativeEndian.Uint32(six[16:])
			dst, _ := netip.AddrFromSlice(six[:16])
			info.Dst = dst.Unmap()
			if unicast(info.Dst) {
				info.Local = info.Dst
			} else if info.Dst.Is6() && info.Dst.IsMulticast() && info.Ifindex > 0 {
				info.Local = any6
			}
		}
		return info
	}
}
