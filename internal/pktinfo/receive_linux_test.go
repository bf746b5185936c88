package pktinfo_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// destinations are where the tests send to on the loopback interface, and what
// is to be answered from.
var destinations = []struct{ dst, local string }{
	{"127.0.0.1", "127.0.0.1"},
	{"127.0.0.5", "127.0.0.5"},
	{"127.255.255.255", "127.0.0.1"},
	{"224.0.0.251", "127.0.0.1"},
	{"255.255.255.255", "127.0.0.1"},
	{"::1", "::1"},
}

// deliver sends b to one of destinations through the loopback interface, and
// returns the sender.
func deliver(t testing.TB, b []byte, dst netip.AddrPort) socket {
	t.Helper()
	f := pktinfo.IPv6
	if dst.Addr().Is4() {
		f = pktinfo.IPv4
	}
	s := open(t, f)
	var oob []byte
	if a := dst.Addr(); a.Is4() && a.IsMulticast() || a == addr("255.255.255.255") {
		oob = pktinfo.AppendSource(nil, true, addr("127.0.0.1"), loopback())
	}
	s.set(unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
	s.send(b, oob, dst)
	return s
}

// join lets s receive from a group on the loopback interface.
func (s socket) join(group netip.Addr) {
	s.t.Helper()
	if group.Is4() {
		m := &unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(loopback())}
		require.NoError(s.t, unix.SetsockoptIPMreqn(s.fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, m))
		return
	}
	m := &unix.IPv6Mreq{Multiaddr: group.As16(), Interface: loopback()}
	require.NoError(s.t, unix.SetsockoptIPv6Mreq(s.fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, m))
}

// takes reports whether a socket of the family takes datagrams to dst.
func takes(f pktinfo.Family, dst netip.Addr) bool {
	return f == pktinfo.Dual || (f == pktinfo.IPv4) == dst.Is4()
}

// K1.11, K3.2: what the kernel says of unicast, broadcast and multicast.
func TestReceive(t *testing.T) {
	for _, f := range []pktinfo.Family{pktinfo.IPv4, pktinfo.IPv6, pktinfo.Dual} {
		for _, d := range destinations {
			dst := addr(d.dst)
			if !takes(f, dst) {
				continue
			}
			t.Run(fmt.Sprintf("%v/%v", f, dst), func(t *testing.T) {
				server, port := listen(t, f)
				if dst.IsMulticast() {
					server.join(dst)
				}
				deliver(t, []byte("x"), netip.AddrPortFrom(dst, port))
				info, r := server.recvInfo()
				require.Equal(t, pktinfo.Info{Local: addr(d.local), Dst: dst, IfIndex: loopback()}, info)

				want := unix.CmsgSpace(unix.SizeofInet4Pktinfo)
				switch {
				case f == pktinfo.Dual && dst.Is4():
					want += unix.CmsgSpace(unix.SizeofInet6Pktinfo)
				case dst.Is6():
					want = unix.CmsgSpace(unix.SizeofInet6Pktinfo)
				}
				require.Len(t, r.oob, want, "no more options than the family needs")
			})
		}
	}
}

// K3.1: a dual-stack socket with the IPv6 option alone.
func TestReceiveIPv4InIPv6Message(t *testing.T) {
	for dst, local := range map[string]netip.Addr{
		"127.0.0.5":   addr("127.0.0.5"),
		"224.0.0.251": {},
		// It looks like any other address; the kernel refuses it as a source.
		"127.255.255.255": addr("127.255.255.255"),
	} {
		t.Run(dst, func(t *testing.T) {
			server := open(t, pktinfo.Dual)
			require.NoError(t, pktinfo.Enable(uintptr(server.fd), pktinfo.IPv6))
			port := server.bind(netip.IPv6Unspecified())
			if addr(dst).IsMulticast() {
				server.join(addr(dst))
			}
			deliver(t, []byte("x"), netip.AddrPortFrom(addr(dst), port))
			info, r := server.recvInfo()
			require.Equal(t, pktinfo.Info{Local: local, Dst: addr(dst), IfIndex: loopback()}, info)
			if dst == "127.255.255.255" {
				require.Error(t, server.trySend([]byte("x"), pktinfo.AppendSource(nil, true, local, 0), r.from))
			}
		})
	}
}

// K1.12: a datagram queued before the option was set has a destination, but no
// address to answer from.
func TestReceiveQueuedBeforeEnable(t *testing.T) {
	for _, f := range []pktinfo.Family{pktinfo.IPv4, pktinfo.Dual} {
		t.Run(f.String(), func(t *testing.T) {
			server := open(t, f)
			port := server.bind(wildcard(f))
			dst := addr("127.0.0.5")
			deliver(t, []byte("x"), netip.AddrPortFrom(dst, port))
			server.recv(0, unix.MSG_PEEK) // it has arrived
			require.NoError(t, pktinfo.Enable(uintptr(server.fd), f))
			info, _ := server.recvInfo()
			require.Equal(t, pktinfo.Info{Dst: dst}, info)
		})
	}
}

// A group is no source: :: with the interface stands for an address of it.
func TestReceiveIPv6Multicast(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	routeLocal(t, netip.MustParsePrefix("ff00::/8")) // lo has no multicast by itself
	group := addr("ff02::fb%lo")
	for _, f := range []pktinfo.Family{pktinfo.IPv6, pktinfo.Dual} {
		server, port := listen(t, f)
		server.join(group)
		peer := open(t, pktinfo.IPv6)
		peer.send([]byte("x"), nil, netip.AddrPortFrom(group, port))
		info, r := server.recvInfo()
		require.Equal(t, pktinfo.Info{Local: addr("::"), Dst: group.WithZone(""), IfIndex: loopback()}, info)

		require.Error(t, server.trySend([]byte("y"), pktinfo.AppendSource(nil, false, info.Dst, 0), r.from), "K2.6")
		server.send([]byte("y"), pktinfo.AppendSource(nil, false, info.Local, info.IfIndex), r.from)
		require.Equal(t, netip.AddrPortFrom(addr("::1"), port), peer.recv(0, 0).from)
	}
}
