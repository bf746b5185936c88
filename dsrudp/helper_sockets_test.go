package dsrudp_test

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// On Linux all of 127.0.0.0/8 is local, so that any of it makes a VIP: a server
// on the wildcard answers a client on 127.0.0.1 from 127.0.0.1 unless it is told
// otherwise. Other systems have 127.0.0.1 alone; there the tests on real VIPs
// need a host that has them.
var vips = []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}

// patience bounds every wait for an event: it is reached only when a test fails.
const patience = 5 * time.Second

func listen(t *testing.T, network, address string) *dsrudp.Conn {
	t.Helper()
	return listenWith(t, &dsrudp.ListenConfig{}, network, address)
}

func listenWith(t *testing.T, lc *dsrudp.ListenConfig, network, address string) *dsrudp.Conn {
	t.Helper()
	c, err := lc.ListenPacket(t.Context(), network, address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	// Not by a deadline from the start: with one set, calls take another way.
	late := time.AfterFunc(patience, func() { c.SetDeadline(time.Unix(1, 0)) })
	t.Cleanup(func() { late.Stop() })
	return c
}

// dial returns a client that is connected, as only such a one drops an answer
// from another address.
func dial(t *testing.T, local, remote netip.AddrPort) *net.UDPConn {
	t.Helper()
	var laddr *net.UDPAddr
	if local.IsValid() {
		laddr = net.UDPAddrFromAddrPort(local)
	}
	c, err := net.DialUDP("udp", laddr, net.UDPAddrFromAddrPort(remote))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

// dialVIP dials a VIP at c's port.
func dialVIP(t *testing.T, c net.PacketConn, vip netip.Addr) *net.UDPConn {
	t.Helper()
	if runtime.GOOS != "linux" && vip.Is4() {
		t.Skipf("%s has one loopback address by default, and %v is another", runtime.GOOS, vip)
	}
	return dial(t, netip.AddrPort{}, netip.AddrPortFrom(vip, portOf(c)))
}

// dialOnePort dials two VIPs from one port.
func dialOnePort(t *testing.T, c net.PacketConn, a, b netip.Addr) (*net.UDPConn, *net.UDPConn) {
	t.Helper()
	// Both bind to the port before either connects: SO_REUSEADDR lets two UDP
	// sockets have it, and once connected each gets its own peer's datagrams.
	x, y := reuseDial(t, netip.AddrPortFrom(a, portOf(c)), netip.AddrPortFrom(b, portOf(c)))
	for _, c := range []*net.UDPConn{x, y} {
		require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	}
	return x, y
}

func portOf(c net.PacketConn) uint16 { return uint16(c.LocalAddr().(*net.UDPAddr).Port) }

func addrPortOf(a net.Addr) netip.AddrPort {
	ap := a.(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

func write(t *testing.T, c *net.UDPConn, s string) {
	t.Helper()
	_, err := c.Write([]byte(s))
	require.NoError(t, err)
}

func read(t *testing.T, c *net.UDPConn) string {
	t.Helper()
	b := make([]byte, 2048)
	n, err := c.Read(b)
	require.NoError(t, err, "no answer: the client drops one that comes from another address than it wrote to")
	return string(b[:n])
}
