package dsrudp_test

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// ecnSockets are sockets of all kinds and the addresses they are asked at.
var ecnSockets = []struct {
	network string
	vip     netip.Addr
}{{"udp4", vips[0]}, {"udp", vips[0]}, {"udp", netip.IPv6Loopback()}, {"udp6", netip.IPv6Loopback()}}

// TestECNReceived: each datagram has its own mark, without the rest of the field,
// and only if that was asked for.
func TestECNReceived(t *testing.T) {
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

// TestECNSent: each Packet leaves with its own mark and the socket's own
// differentiated services, alone, merged, in a train, from its source.
func TestECNSent(t *testing.T) {
	const dscp = 0xb8
	for _, s := range ecnSockets {
		for _, own := range []int{0, dscp, dscp | 1} {
			t.Run(fmt.Sprintf("%s %v %#x", s.network, s.vip, own), func(t *testing.T) {
				c := listenWith(t, &dsrudp.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
					return rc.Control(func(fd uintptr) {
						_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, own)
						_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_TCLASS, own)
					})
				}}, s.network, ":0")
				x := dialVIP(t, c, s.vip)
				setsockopts(t, x, recvClass(s.vip))
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
				want = append(want, classOf(own, dsrudp.CE), classOf(own, dsrudp.CE), classOf(own, dsrudp.CE))
				writeAll(t, c, ps)
				for i, class := range want {
					require.Equal(t, class, readClass(t, x, s.vip), i)
				}
				requireNothing(t, x)
			})
		}
	}
}

// TestECNClassSetLater: so it does when those are set on the open Conn.
func TestECNClassSetLater(t *testing.T) {
	for _, s := range ecnSockets {
		c := listen(t, s.network, ":0")
		x := dialVIP(t, c, s.vip)
		setsockopts(t, x, recvClass(s.vip))
		p := packet("1", pathFrom(c, s.vip, x))
		p.ECN = dsrudp.CE
		for _, own := range []int{0xb8, 0x48, 0} {
			setClass(t, c, s.vip, own)
			writeAll(t, c, []dsrudp.Packet{p})
			require.Equal(t, own|3, readClass(t, x, s.vip))
		}
	}
}
