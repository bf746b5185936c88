package pktinfo_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A socket is a UDP socket without Go's runtime around it, so that its control
// data is the kernel's own.
type socket struct {
	t  testing.TB
	fd int
}

// open opens a socket of a family. What blocks on it for 10 seconds fails.
func open(t testing.TB, f pktinfo.Family) socket {
	t.Helper()
	domain := unix.AF_INET6
	if f == pktinfo.IPv4 {
		domain = unix.AF_INET
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if domain == unix.AF_INET6 && err == unix.EAFNOSUPPORT {
		t.Skip("no IPv6 here: socket(AF_INET6) gives EAFNOSUPPORT")
	}
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	s := socket{t, fd}
	switch f {
	case pktinfo.IPv6:
		s.set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	case pktinfo.Dual:
		s.set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
	}
	require.NoError(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))
	return s
}

// listen opens a socket that tells destinations, bound to the wildcard.
func listen(t testing.TB, f pktinfo.Family) (s socket, port uint16) {
	t.Helper()
	s = open(t, f)
	require.NoError(t, pktinfo.Enable(uintptr(s.fd), f))
	return s, s.bind(wildcard(f))
}

func wildcard(f pktinfo.Family) netip.Addr {
	if f == pktinfo.IPv4 {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

func (s socket) bind(a netip.Addr) (port uint16) {
	s.t.Helper()
	err := unix.Bind(s.fd, sockaddr(netip.AddrPortFrom(a, 0)))
	if a.Is6() && err == unix.EADDRNOTAVAIL {
		s.t.Skipf("no %v here: IPv6 is off on the loopback interface", a)
	}
	require.NoError(s.t, err)
	return s.name().Port()
}

func (s socket) name() netip.AddrPort {
	s.t.Helper()
	sa, err := unix.Getsockname(s.fd)
	require.NoError(s.t, err)
	return addrPort(sa)
}

func (s socket) set(level, opt, value int) {
	s.t.Helper()
	require.NoError(s.t, unix.SetsockoptInt(s.fd, level, opt, value))
}

func (s socket) send(b []byte, oob []byte, to netip.AddrPort) {
	s.t.Helper()
	require.NoError(s.t, s.trySend(b, oob, to))
}

func (s socket) trySend(b []byte, oob []byte, to netip.AddrPort) error {
	return unix.Sendmsg(s.fd, b, oob, sockaddr(to), 0)
}

// A received is what recvmsg returned.
type received struct {
	payload []byte
	oob     []byte // the buffer, cut to what was written
	ctrunc  bool
	from    netip.AddrPort
}

// recv receives with a buffer of size bytes for control data, filled with
// 0xa5 first, and checks that nothing was written behind its end.
func (s socket) recv(size, flags int) received {
	s.t.Helper()
	b := make([]byte, 2048)
	oob := bytes.Repeat([]byte{0xa5}, size)
	n, oobn, rflags, from, err := unix.Recvmsg(s.fd, b, oob, flags)
	require.NoError(s.t, err)
	return received{b[:n], oob[:oobn], rflags&unix.MSG_CTRUNC != 0, addrPort(from)}
}

// recvInfo receives and parses one datagram.
func (s socket) recvInfo() (pktinfo.Info, received) {
	s.t.Helper()
	r := s.recv(pktinfo.Size, 0)
	require.False(s.t, r.ctrunc)
	return pktinfo.Parse(r.oob), r
}

// client opens an IPv4 or IPv6 socket connected to to: it accepts only answers
// from there.
func client(t testing.TB, to netip.AddrPort) socket {
	t.Helper()
	f := pktinfo.IPv6
	if to.Addr().Is4() {
		f = pktinfo.IPv4
	}
	s := open(t, f)
	require.NoError(t, unix.Connect(s.fd, sockaddr(to)))
	return s
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	sa := &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
	if a.Addr().Zone() != "" {
		sa.ZoneId = loopback()
	}
	return sa
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// loopback is the index of the loopback interface.
func loopback() uint32 {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		panic(err)
	}
	return uint32(lo.Index)
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func mapped(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }
