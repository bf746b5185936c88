package pktinfo_test

import (
	"net/netip"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// ask has a fresh client, connected to dst, send to server, and returns the
// client, what server parsed, and the client's address.
func ask(t testing.TB, server socket, dst netip.AddrPort) (socket, pktinfo.Info, netip.AddrPort) {
	t.Helper()
	c := client(t, dst)
	_, err := unix.Write(c.fd, []byte("question"))
	require.NoError(t, err)
	info, r := server.recvInfo()
	return c, info, r.from
}

// K1.2, K3.3: the answer reaches a client that accepts it from one address
// alone.
func TestAppendSource(t *testing.T) {
	for _, f := range []pktinfo.Family{pktinfo.IPv4, pktinfo.Dual} {
		t.Run(f.String(), func(t *testing.T) {
			server, port := listen(t, f)
			dst := netip.AddrPortFrom(addr("127.0.0.2"), port)
			c, info, from := ask(t, server, dst)
			require.Equal(t, f == pktinfo.Dual, from.Addr().Is4In6())
			server.send([]byte("wrong"), nil, from)
			server.send([]byte("right"), pktinfo.AppendSource(nil, true, info.Local, 0), from)
			require.Equal(t, "right", string(c.recv(0, 0).payload), "K1.1: the one without a source is lost")
		})
	}
}

// K2.1, K2.2, K2.5: addresses that are the host's by a route alone.
func TestAppendSourceLocalRoute(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	routeLocal(t, netip.MustParsePrefix("192.0.2.0/24"))
	routeLocal(t, netip.MustParsePrefix("2001:db8::/96"))
	for _, f := range []pktinfo.Family{pktinfo.IPv4, pktinfo.IPv6, pktinfo.Dual} {
		for _, vip := range []netip.Addr{addr("192.0.2.7"), addr("192.0.2.99"), addr("2001:db8::7"), addr("2001:db8::dead:beef")} {
			if !takes(f, vip) {
				continue
			}
			server, port := listen(t, f)
			c, info, from := ask(t, server, netip.AddrPortFrom(vip, port))
			require.Equal(t, pktinfo.Info{Local: vip, Dst: vip, IfIndex: loopback()}, info)
			oob := pktinfo.AppendSource(nil, vip.Is4(), info.Local, 0)
			if vip.Is6() {
				require.ErrorIs(t, server.trySend([]byte("answer"), oob, from), unix.EINVAL)
				server.set(unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
			}
			server.send([]byte("answer"), oob, from)
			require.Equal(t, "answer", string(c.recv(0, 0).payload), "%v from %v", f, vip)
		}
	}
}

// K3.4: the kernel silently ignores a message of the other level, so the
// level has to be the destination's.
func TestLevelOfDestination(t *testing.T) {
	ignored := func(t *testing.T, server socket, port uint16, oob []byte, to netip.Addr) {
		t.Helper()
		f := pktinfo.IPv6
		if to.Unmap().Is4() {
			f = pktinfo.IPv4
		}
		peer := open(t, f)
		p := peer.bind(to.Unmap())
		server.send([]byte("x"), oob, netip.AddrPortFrom(to, p))
		require.Equal(t, netip.AddrPortFrom(to.Unmap(), port), peer.recv(0, 0).from)
	}
	t.Run("IPv4 message to IPv6", func(t *testing.T) {
		server, port := listen(t, pktinfo.Dual)
		ignored(t, server, port, pktinfo.AppendSource(nil, true, addr("127.0.0.2"), 0), addr("::1"))
	})
	t.Run("IPv6 message on an IPv4 socket", func(t *testing.T) {
		server, port := listen(t, pktinfo.IPv4)
		ignored(t, server, port, pktinfo.AppendSource(nil, false, mapped(addr("127.0.0.2")), 0), addr("127.0.0.1"))
	})
	t.Run("IPv6 source to IPv4", func(t *testing.T) { // K3.3
		server, _ := listen(t, pktinfo.Dual)
		err := server.trySend([]byte("x"), pktinfo.AppendSource(nil, false, addr("::1"), 0),
			netip.AddrPortFrom(mapped(addr("127.0.0.1")), 9))
		require.ErrorIs(t, err, unix.EINVAL)
	})
}

// K4.1: an empty message makes a bound socket forget its address; so none is
// appended.
func TestAppendNoSource(t *testing.T) {
	server := open(t, pktinfo.IPv4)
	port := server.bind(addr("127.0.0.2"))
	peer := open(t, pktinfo.IPv4)
	to := netip.AddrPortFrom(addr("127.0.0.1"), peer.bind(addr("127.0.0.1")))

	oob := pktinfo.AppendSource(nil, true, netip.Addr{}, 0)
	require.Empty(t, oob)
	server.send([]byte("x"), oob, to)
	require.Equal(t, netip.AddrPortFrom(addr("127.0.0.2"), port), peer.recv(0, 0).from)

	empty := unix.PktInfo4(&unix.Inet4Pktinfo{})
	server.send([]byte("x"), empty, to)
	require.Equal(t, netip.AddrPortFrom(addr("127.0.0.1"), port), peer.recv(0, 0).from)
}

// An interface without a source is a request too.
func TestAppendInterface(t *testing.T) {
	s := open(t, pktinfo.IPv4)
	to := netip.AddrPortFrom(addr("127.0.0.1"), 9)
	s.send([]byte("x"), pktinfo.AppendSource(nil, true, netip.Addr{}, loopback()), to)
	err := s.trySend([]byte("x"), pktinfo.AppendSource(nil, true, netip.Addr{}, 1<<30), to)
	require.ErrorIs(t, err, unix.ENODEV, "K1.7")
}

// The caller's other messages go beside the source and stay in force.
func TestAppendOthersBesideSource(t *testing.T) {
	server, port := listen(t, pktinfo.IPv4)
	c, info, from := ask(t, server, netip.AddrPortFrom(addr("127.0.0.2"), port))
	c.set(unix.IPPROTO_IP, unix.IP_RECVTTL, 1)

	ttl := unix.CmsgSpace(4)
	oob := append(unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte{127, 0, 0, 3}}), make([]byte, ttl)...)
	msg := oob[len(oob)-ttl:]
	copy(msg, header(unix.CmsgLen(4), unix.IPPROTO_IP, unix.IP_TTL))
	copy(msg[unix.CmsgLen(0):], ints(77))

	out := pktinfo.AppendOthers(nil, oob)
	require.Equal(t, msg, out)
	server.send([]byte("right"), pktinfo.AppendSource(out, true, info.Local, 0), from)
	r := c.recv(64, 0)
	require.Equal(t, "right", string(r.payload))
	require.Equal(t, append(header(unix.CmsgLen(4), unix.IPPROTO_IP, unix.IP_TTL), ints(77)...), r.oob[:unix.CmsgLen(4)])
}
