package dsrudp_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// checksum adds the one's complement sum of b (RFC 1071) to sum.
func checksum(sum uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	return sum
}

// ipPacket returns an IP packet of a protocol.
func ipPacket(from, to netip.Addr, protocol byte, payload []byte) []byte {
	if from.Is4() {
		b := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0}
		b = append(append(b, from.AsSlice()...), to.AsSlice()...)
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)+len(payload)))
		binary.BigEndian.PutUint16(b[10:], ^uint16(checksum(0, b)))
		return append(b, payload...)
	}
	b := []byte{0x60, 0, 0, 0, 0, 0, protocol, 64}
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	return append(b, payload...)
}

// udpPacket returns the IP packet of a UDP datagram (RFC 768, RFC 8200).
func udpPacket(from, to netip.AddrPort, payload string) []byte {
	b := append(make([]byte, 8), payload...)
	binary.BigEndian.PutUint16(b[0:], from.Port())
	binary.BigEndian.PutUint16(b[2:], to.Port())
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	sum := checksum(unix.IPPROTO_UDP+uint32(len(b)), append(from.Addr().AsSlice(), to.Addr().AsSlice()...))
	binary.BigEndian.PutUint16(b[6:], ^uint16(checksum(sum, b)))
	return ipPacket(from.Addr(), to.Addr(), unix.IPPROTO_UDP, b)
}

// send sends an IP packet to an address by lo. It needs CAP_NET_RAW.
func send(t *testing.T, to netip.Addr, packet []byte) {
	t.Helper()
	domain, kind, protocol := unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW
	var addr unix.Sockaddr
	switch {
	case to.Is6():
		domain, addr = unix.AF_INET6, &unix.SockaddrInet6{Addr: to.As16()}
	case [4]byte(packet[12:]) == [4]byte{}: // which a raw socket would fill in
		ip := uint16(unix.ETH_P_IP>>8 | unix.ETH_P_IP&0xff<<8) // in network order
		domain, kind, protocol = unix.AF_PACKET, unix.SOCK_DGRAM, 0
		addr = &unix.SockaddrLinklayer{Protocol: ip, Ifindex: lo, Halen: 6}
	default:
		addr = &unix.SockaddrInet4{Addr: to.As4()}
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, protocol)
	require.NoError(t, err)
	defer unix.Close(fd)
	if to.IsMulticast() { // lo does not take these
		r, err := unix.NewIfreq("br0")
		require.NoError(t, err)
		require.NoError(t, unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, r))
		addr.(*unix.SockaddrInet6).ZoneId = r.Uint32()
		// A route's source is asked for, though the packet has another.
		require.NoError(t, unix.Bind(fd, &unix.SockaddrInet6{Addr: netip.MustParseAddr("2001:db8::1").As16()}))
	}
	require.NoError(t, unix.Sendto(fd, packet, 0, addr))
}

// lo is the index of the loopback interface.
const lo = 1

// addAddress gives lo, or for IPv4 the interface of a label, another address, and waits until it can be sent from.
func addAddress(t *testing.T, label string, a netip.Addr) {
	t.Helper()
	if a.Is4() {
		require.NoError(t, ifreq(t, label, unix.SIOCSIFADDR, func(r *unix.Ifreq) {
			require.NoError(t, r.SetInet4Addr(a.AsSlice()))
		}))
		return
	}
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	request := struct { // struct in6_ifreq of <linux/ipv6.h>
		addr    [16]byte
		bits    uint32
		ifindex int32
	}{a.As16(), 128, lo}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFADDR, uintptr(unsafe.Pointer(&request)))
	require.Zero(t, errno)
	soon(t, "it is not tentative any more", func() bool {
		c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: a.AsSlice()})
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// TestPromise12_Self: a datagram whose source is one of the Server's own sockets is dropped
// and counted, and no other (T3). One from an unspecified address (T4) or from port 0 (T12) is
// delivered, and a reply to it is refused, counted by itself, and not given to OnError.
// Datagrams of equal ports that the Server does not have as well are delivered.
func TestPromise12_Self(t *testing.T) {
	if !inNamespace(t, "it did not end") {
		return
	}
	// Of datagrams to this address and the next one the kernel names br0, also where they are
	// the host's own.
	if err := addBridge(t, "203.0.113.1"); err != nil {
		t.Skipf("no bridge: %v", err)
	}
	addAddress(t, "lo:1", netip.MustParseAddr("192.0.2.1"))
	addAddress(t, "br0:1", netip.MustParseAddr("203.0.113.2"))
	addAddress(t, "", netip.MustParseAddr("2001:db8::1"))
	addAddress(t, "", netip.MustParseAddr("2001:db8::2"))
	const (
		dropped = iota
		delivered
		nobody // delivered, but nothing can be sent back
	)
	type row struct {
		from, to string // P is the first socket's port, Q the second's
		want     int
	}
	tests := map[string]struct {
		network, p  string // of the socket that receives
		networkQ, q string // of the other one, if there is one
		rows        []row
		marker      netip.Addr // that a client asks, which is answered
	}{
		"wildcard": {network: "udp", p: ":7000", marker: vips[0], rows: []row{
			{"[2001:db8::1]:P", "[2001:db8::1]:P", dropped},
			{"[2001:db8::2]:P", "[2001:db8::1]:P", dropped},
			{"[::1]:P", "[2001:db8::1]:P", dropped},
			{"[2001:db8::99]:P", "[2001:db8::1]:P", delivered}, // another host's
			{"[2001:db8::99]:P", "[2001:db8::1]:P", delivered}, // nor later
			{"[2001:db8::2]:7077", "[2001:db8::1]:P", delivered},
			{"[::]:P", "[2001:db8::1]:P", nobody},
			{"[::]:7077", "[2001:db8::1]:P", nobody},
			{"[::]:P", "[ff02::1]:P", nobody}, // Local is "::", too
			{"[2001:db8::99]:0", "[2001:db8::1]:P", nobody},
			{"127.0.0.1:P", "127.0.0.1:P", dropped},
			{"127.0.0.8:P", "127.0.0.1:P", dropped},
			{"192.0.2.1:P", "127.0.0.1:P", dropped},
			{"203.0.113.2:P", "203.0.113.1:P", dropped},
			{"203.0.113.2:P", "127.0.0.1:P", dropped},
			{"127.0.0.8:7077", "127.0.0.1:P", delivered},
			{"203.0.113.2:7077", "203.0.113.1:P", delivered},
			{"0.0.0.0:P", "255.255.255.255:P", nobody},
			{"0.0.0.0:68", "255.255.255.255:P", nobody},
			{"127.0.0.8:0", "127.0.0.1:P", nobody},
		}},
		"IPv4 wildcard": {network: "udp4", p: ":7000", marker: vips[0], rows: []row{
			{"127.0.0.1:P", "127.0.0.1:P", dropped},
			{"192.0.2.1:P", "127.0.0.8:P", dropped},
			{"0.0.0.0:P", "255.255.255.255:P", nobody},
		}},
		"bound": {network: "udp", p: "127.0.0.6:7100", marker: netip.MustParseAddr("127.0.0.6"), rows: []row{
			{"127.0.0.7:P", "127.0.0.6:P", delivered}, // another program's
			{"127.0.0.6:P", "127.0.0.6:P", dropped},
			{"127.0.0.7:0", "127.0.0.6:P", nobody},
		}},
		"IPv6 bound": {network: "udp", p: "[2001:db8::1]:7100", marker: netip.MustParseAddr("2001:db8::1"), rows: []row{
			{"[2001:db8::2]:P", "[2001:db8::1]:P", delivered},
			{"[2001:db8::1]:P", "[2001:db8::1]:P", dropped},
			{"[::]:P", "[2001:db8::1]:P", nobody},
		}},
		"two wildcards": {network: "udp", p: ":7000", networkQ: "udp", q: ":7001", marker: vips[0], rows: []row{
			{"127.0.0.1:Q", "127.0.0.1:P", dropped},
			{"203.0.113.2:Q", "203.0.113.1:P", dropped},
			{"[2001:db8::2]:Q", "[2001:db8::1]:P", dropped},
			{"[2001:db8::99]:Q", "[2001:db8::1]:P", delivered},
		}},
		"two bound": {network: "udp", p: "127.0.0.6:7100", networkQ: "udp", q: "127.0.0.7:7101", marker: netip.MustParseAddr("127.0.0.6"), rows: []row{
			{"127.0.0.7:Q", "127.0.0.6:P", dropped},
			{"127.0.0.6:Q", "127.0.0.6:P", delivered}, // which is neither's
			{"127.0.0.7:P", "127.0.0.6:P", delivered},
		}},
		"bound, and a wildcard": {network: "udp", p: "127.0.0.6:7100", networkQ: "udp", q: ":7001", marker: netip.MustParseAddr("127.0.0.6"), rows: []row{
			{"127.0.0.9:Q", "127.0.0.6:P", dropped},
			{"192.0.2.1:Q", "127.0.0.6:P", dropped},
			{"198.51.100.99:Q", "127.0.0.6:P", delivered},
			{"127.0.0.9:P", "127.0.0.6:P", delivered},
		}},
		"wildcard of the other family": {network: "udp", p: "[2001:db8::1]:7000", networkQ: "udp4", q: ":7000", marker: netip.MustParseAddr("2001:db8::1"), rows: []row{
			{"[2001:db8::2]:P", "[2001:db8::1]:P", delivered},
		}},
		"IPv6 wildcard beside IPv4": {network: "udp4", p: "127.0.0.6:7000", networkQ: "udp6", q: ":7000", marker: netip.MustParseAddr("127.0.0.6"), rows: []row{
			{"127.0.0.9:P", "127.0.0.6:P", delivered},
		}},
	}
	for _, asked := range []string{"", ", without netlink", ", where all addresses can be bound to"} {
		switch asked {
		case ", without netlink":
			forbidNetlink(t)
		case ", where all addresses can be bound to":
			for _, family := range []string{"ipv4", "ipv6"} {
				require.NoError(t, os.WriteFile("/proc/sys/net/"+family+"/ip_nonlocal_bind", []byte("1"), 0))
			}
			wildcards := tests["two wildcards"]
			wildcards.rows = []row{
				{"127.0.0.1:Q", "127.0.0.1:P", dropped},
				{"203.0.113.9:Q", "203.0.113.1:P", delivered},
				{"[2001:db8::99]:Q", "[2001:db8::1]:P", delivered},
			}
			clear(tests)
			tests["two wildcards"] = wildcards
		}
		for name, tc := range tests {
			t.Run(name+asked, func(t *testing.T) {
				c := listen(t, tc.network, tc.p)
				conns, q := []*dsrudp.Conn{c}, uint16(0)
				if tc.q != "" {
					conns = append(conns, listen(t, tc.networkQ, tc.q))
					q = portOf(conns[1])
				}
				parse := func(s string) netip.AddrPort {
					ports := map[byte]string{'P': fmt.Sprint(portOf(c)), 'Q': fmt.Sprint(q)}
					if port, ok := ports[s[len(s)-1]]; ok {
						s = s[:len(s)-1] + port
					}
					return netip.MustParseAddrPort(s)
				}
				calls := make(chan dsrudp.Path, 8)
				onError, failures := collecting()
				var answer atomic.Bool
				serve(t, &dsrudp.Server{OnError: onError, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
					if string(p.Payload()) == "marker" {
						echoing(t).ServePacket(w, p)
					} else if answer.Load() {
						for _, err := range []error{writing(w, p), w.WritePacket(p)} {
							assertWriteError(t, err, syscall.EINVAL, p.Path.Remote)
							assert.NotErrorAs(t, err, new(*os.SyscallError), "the kernel was not asked")
						}
					}
					calls <- p.Path
				})}, conns...)
				x := dialVIP(t, c, tc.marker)
				for _, r := range tc.rows {
					from, to := parse(r.from), parse(r.to)
					before := c.Stats()
					answer.Store(r.want == nobody)
					send(t, to.Addr(), udpPacket(from, to, "forged"))
					write(t, x, "marker")
					require.Equal(t, "marker", read(t, x))
					after := c.Stats()
					if r.want == dropped {
						require.EqualValues(t, 1, after.SelfAddressed-before.SelfAddressed, r)
					} else {
						require.Equal(t, from, await(t, calls).Remote, r)
						require.Zero(t, after.SelfAddressed-before.SelfAddressed, r)
					}
					require.Equal(t, addrPortOf(x.LocalAddr()), await(t, calls).Remote, r)
					refused := map[int]uint64{nobody: 2}[r.want]
					require.Equal(t, refused, after.Unanswerable-before.Unanswerable, r)
					require.Zero(t, after.SendFailed+after.Refused, r)
					if _, known := c.PathTo(from); from.Port() == 0 && c.LocalAddr().(*net.UDPAddr).IP.IsUnspecified() {
						require.False(t, known, r)
					}
				}
				require.Empty(t, failures)
			})
		}
	}
}

// TestPromise12_Ended: a socket is the Server's own from the Serve on that it is given to, be it
// the second one, until it is closed. What is dropped was received.
func TestPromise12_Ended(t *testing.T) {
	a, b := listen(t, "udp4", ":0"), listen(t, "udp4", "127.0.0.6:0")
	s := &dsrudp.Server{Handler: echoing(t)}
	serve(t, s, a)
	x := dialVIP(t, a, vips[0])
	begun(t, x)
	serve(t, s, b)
	begun(t, dialVIP(t, b, addrPortOf(b.LocalAddr()).Addr()))
	_, err := b.WriteToPath([]byte("self"), dsrudp.Path{
		Local:  addrPortOf(b.LocalAddr()),
		Remote: netip.AddrPortFrom(vips[0], portOf(a)),
	})
	require.NoError(t, err)
	begun(t, x)
	require.EqualValues(t, 1, a.Stats().SelfAddressed)
	soon(t, "what was dropped is counted", func() bool { return a.Stats().Received == 3 })
	require.NoError(t, b.Close())
	soon(t, "it is closed", func() bool { return isFree(b) })
	y := dial(t, addrPortOf(b.LocalAddr()), netip.AddrPortFrom(vips[0], portOf(a)))
	soon(t, "another's request is answered", func() bool {
		before := a.Stats().SelfAddressed
		write(t, y, "request")
		begun(t, x)
		return a.Stats().SelfAddressed == before
	})
	require.Equal(t, "request", read(t, y))
}
