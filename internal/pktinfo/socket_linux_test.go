package pktinfo

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"os"
	"testing"

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
func open(t testing.TB, f Family) socket {
	t.Helper()
	domain := unix.AF_INET6
	if f == IPv4 {
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
	case IPv6:
		s.set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	case Dual:
		s.set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
	}
	require.NoError(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))
	return s
}

// listen opens a socket that receives destinations, bound to the wildcard.
func listen(t testing.TB, f Family) (s socket, port uint16) {
	t.Helper()
	s = open(t, f)
	enable(t, s, f)
	return s, s.bind(wildcard(f))
}

func enable(t testing.TB, s socket, f Family) {
	t.Helper()
	_, err := Enable(uintptr(s.fd), f)
	require.NoError(t, err)
}

// connect opens an IPv4 or IPv6 socket connected to to: it accepts only answers
// from there.
func connect(t testing.TB, to netip.AddrPort) socket {
	t.Helper()
	s := open(t, familyFor(to.Addr()))
	require.NoError(t, unix.Connect(s.fd, sockaddr(to)))
	return s
}

func familyFor(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

func wildcard(f Family) netip.Addr {
	if f == IPv4 {
		return any4
	}
	return any6
}

func (s socket) bind(a netip.Addr) (port uint16) {
	s.t.Helper()
	err := unix.Bind(s.fd, sockaddr(netip.AddrPortFrom(a, 0)))
	if a.Is6() && err == unix.EADDRNOTAVAIL {
		s.t.Skipf("no %v here: IPv6 is off on the loopback interface", a)
	}
	require.NoError(s.t, err)
	sa, err := unix.Getsockname(s.fd)
	require.NoError(s.t, err)
	return addrPort(sa).Port()
}

func (s socket) set(level, opt, value int) {
	s.t.Helper()
	require.NoError(s.t, unix.SetsockoptInt(s.fd, level, opt, value))
}

func (s socket) send(b, oob []byte, to netip.AddrPort) {
	s.t.Helper()
	require.NoError(s.t, s.trySend(b, oob, to))
}

func (s socket) trySend(b, oob []byte, to netip.AddrPort) error {
	return unix.Sendmsg(s.fd, b, oob, sockaddr(to), 0)
}

// A received is what recvmsg returned.
type received struct {
	payload []byte
	oob     []byte // the buffer, cut to what was written
	ctrunc  bool
	from    netip.AddrPort
}

// recv receives with a buffer of size bytes for control data, filled with 0xa5 first.
func (s socket) recv(size, flags int) received {
	s.t.Helper()
	b := make([]byte, 2048)
	oob := bytes.Repeat([]byte{0xa5}, size)
	n, oobn, rflags, from, err := unix.Recvmsg(s.fd, b, oob, flags)
	require.NoError(s.t, err)
	return received{b[:n], oob[:oobn], rflags&unix.MSG_CTRUNC != 0, addrPort(from)}
}

// recvInfo receives and parses one datagram.
func (s socket) recvInfo() (info Info, r received) {
	s.t.Helper()
	r = s.recv(Size, 0)
	require.False(s.t, r.ctrunc)
	Parse(r.oob, &info)
	return info, r
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
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

// loopback is the index of the loopback interface, which is the same in every namespace.
const loopback = 1

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// options are the socket options that Enable may touch, -1 where there is none.
func (s socket) options() [2]int {
	s.t.Helper()
	ip, err := unix.GetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_PKTINFO)
	require.NoError(s.t, err)
	ipv6, err := unix.GetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO)
	if err != nil {
		ipv6 = -1
	}
	return [2]int{ip, ipv6}
}

// Enable sets exactly the options that the family needs, before bind and after. Those that
// were on are the user's own, which Disable leaves on.
func TestFamilies(t *testing.T) {
	for f, on := range map[Family][2]int{IPv4: {1, -1}, IPv6: {0, 1}, Dual: {1, 1}} {
		s := open(t, f)
		check := func(when string) {
			got, err := FamilyOf(uintptr(s.fd))
			require.NoError(t, err, when)
			require.Equal(t, f, got, when)
			for _, own := range []Messages{{}, {IPv4: true}, {IPv6: true}, {true, true}} {
				before := [2]int{0, min(on[1], 0)}
				if own.IPv4 && on[0] == 1 {
					before[0] = 1
					s.set(unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
				}
				if own.IPv6 && on[1] == 1 {
					before[1] = 1
					s.set(unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
				}
				found, err := Enable(uintptr(s.fd), f)
				require.NoError(t, err, when)
				require.Equal(t, Messages{before[0] == 1, before[1] == 1}, found, when)
				require.Equal(t, on, s.options(), when)
				require.NoError(t, Disable(uintptr(s.fd), f, found), when)
				require.Equal(t, before, s.options(), when)
				require.NoError(t, Disable(uintptr(s.fd), f, Messages{}), when)
			}
		}
		check("before bind")
		s.bind(wildcard(f))
		check("after bind")
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	_, err = FamilyOf(uintptr(fd))
	require.ErrorContains(t, err, "address family *unix.SockaddrUnix")

	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	_, err = FamilyOf(r.Fd())
	require.ErrorIs(t, err, unix.ENOTSOCK)
}

func TestK3_5_NoIPv6OptionsForIPv4(t *testing.T) {
	s := open(t, IPv4)
	for _, f := range []Family{IPv6, Dual} {
		_, err := Enable(uintptr(s.fd), f)
		require.ErrorIs(t, err, unix.ENOPROTOOPT)
		require.ErrorContains(t, err, "IPV6_RECVPKTINFO")
	}
	require.Equal(t, [2]int{0, -1}, s.options())
}

// message is a control message of this system's, with any length in its header.
func message(length, level, typ int, data ...any) []byte {
	var b []byte
	if bits.UintSize == 64 {
		b = binary.NativeEndian.AppendUint64(b, uint64(length))
	} else {
		b = binary.NativeEndian.AppendUint32(b, uint32(length))
	}
	return cat(append([]any{b, uint32(level), uint32(typ)}, data...)...)
}
