package dsrudp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// On Linux all of 127.0.0.0/8 is local, so that any of it makes a VIP: a wildcard
// socket of net's answers a client on 127.0.0.1 from 127.0.0.1. Other systems have
// 127.0.0.1 alone; there the tests of VIPs need a host that has some.
var vips = []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}

func needVIPs(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skipf("%s has one loopback address by default, and %v are others", runtime.GOOS, vips)
	}
}

// needNetlink skips the test where netlink is denied: nothing says then that a source is not
// local. Package net asks over it, too.
func needNetlink(t *testing.T) {
	t.Helper()
	if _, err := net.Interfaces(); err != nil {
		t.Skipf("netlink is denied: %v", err)
	}
}

// An endpoint is where a server listens, and the addresses that clients ask it at.
type endpoint struct {
	network, address string
	asked            []netip.Addr
}

func (e endpoint) String() string { return fmt.Sprint(e.network, e.address) }

var loopback4, loopback6 = netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()

// endpoints are of all kinds.
var endpoints = []endpoint{
	{"udp4", ":0", vips},
	{"udp", ":0", []netip.Addr{vips[0], vips[1], loopback6}},
	{"udp", "0.0.0.0:0", vips},
	{"udp", "[::]:0", []netip.Addr{vips[1], vips[0], loopback6}},
	{"udp6", ":0", []netip.Addr{loopback6}},
	{"udp4", "127.0.0.2:0", vips[:1]},
	{"udp", "127.0.0.1:0", []netip.Addr{loopback4}},
	{"udp", "[::1]:0", []netip.Addr{loopback6}},
}

// wildcards are those that are asked at two VIPs.
var wildcards = endpoints[:4]

// patience bounds every wait for an event: it is reached only when a test fails.
const patience = 5 * time.Second

// past is a deadline that is over.
var past = time.Unix(1, 0)

// await waits for an event.
func await[T any](t *testing.T, events <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-events:
	case <-time.After(2 * patience):
		t.Fatal("what was waited for did not happen")
	}
	return v
}

// soon waits for what sends no event.
func soon(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !happened(); runtime.Gosched() {
		require.True(t, time.Now().Before(end), what)
	}
}

func listen(t *testing.T, network, address string) *dsrudp.Conn {
	t.Helper()
	return listenWith(t, &dsrudp.ListenConfig{}, network, address)
}

func listenWith(t *testing.T, lc *dsrudp.ListenConfig, network, address string) *dsrudp.Conn {
	t.Helper()
	c, err := lc.ListenPacket(t.Context(), network, address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	// Not a deadline from the start: most programs set none.
	late := time.AfterFunc(patience, func() { c.SetDeadline(time.Unix(1, 0)) })
	t.Cleanup(func() { late.Stop() })
	return c
}

func adopt(t *testing.T, u *net.UDPConn) *dsrudp.Conn {
	t.Helper()
	c, err := dsrudp.NewConn(u)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
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
	if vip.Is4() {
		needVIPs(t)
	}
	return dial(t, netip.AddrPort{}, netip.AddrPortFrom(vip, portOf(c)))
}

// dialOnePort dials two VIPs from one port, which SO_REUSEPORT lets two sockets bind to.
// Each gets its own peer's datagrams once it is connected. The first is bound without the
// option: with it the kernel may pick the port of another test's client.
func dialOnePort(t *testing.T, c net.PacketConn, a, b netip.Addr) (*net.UDPConn, *net.UDPConn) {
	t.Helper()
	needVIPs(t)
	own := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if a.Is6() {
		own = loopback6
	}
	x := dial(t, netip.AddrPortFrom(own, 0), netip.AddrPortFrom(a, portOf(c)))
	raw, err := x.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, reusePort("", "", raw))
	d := net.Dialer{LocalAddr: x.LocalAddr(), Control: reusePort}
	y, err := d.DialContext(t.Context(), "udp", netip.AddrPortFrom(b, portOf(c)).String())
	require.NoError(t, err)
	t.Cleanup(func() { y.Close() })
	require.NoError(t, y.SetDeadline(time.Now().Add(patience)))
	return x, y.(*net.UDPConn)
}

// listenAt listens at an endpoint. Other systems than Linux have one of those that are asked
// over IPv4, and no other address to listen on.
func listenAt(t *testing.T, at endpoint) *dsrudp.Conn {
	t.Helper()
	if at.asked[0].Is4() {
		needVIPs(t)
	}
	return listen(t, at.network, at.address)
}

// dialAll dials each of the addresses, the first two from one port.
func dialAll(t *testing.T, c net.PacketConn, asked []netip.Addr) (clients []*net.UDPConn) {
	t.Helper()
	if len(asked) > 1 {
		x, y := dialOnePort(t, c, asked[0], asked[1])
		clients, asked = append(clients, x, y), asked[2:]
	}
	for _, a := range asked {
		clients = append(clients, dialVIP(t, c, a))
	}
	return clients
}

// reusePort is a Control function for sockets that share a port.
func reusePort(_, _ string, rc syscall.RawConn) (err error) {
	if e := rc.Control(func(fd uintptr) { err = mmsg.SetReusePort(fd) }); e != nil {
		return e
	}
	return err
}

// netClient returns a socket of net's that is not connected, bound to a loopback address,
// for answers that come from another address than the request was sent to.
func netClient(t *testing.T, ip net.IP) *net.UDPConn {
	t.Helper()
	x, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip})
	require.NoError(t, err)
	t.Cleanup(func() { x.Close() })
	require.NoError(t, x.SetDeadline(time.Now().Add(patience)))
	return x
}

func portOf(c net.PacketConn) uint16 { return uint16(c.LocalAddr().(*net.UDPAddr).Port) }

func addrPortOf(a net.Addr) netip.AddrPort {
	ap := a.(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// between returns the path of x's requests.
func between(x *net.UDPConn) dsrudp.Path {
	return dsrudp.Path{Local: addrPortOf(x.RemoteAddr()), Remote: addrPortOf(x.LocalAddr())}
}

// pathFrom returns the path from a VIP to a client.
func pathFrom(c net.PacketConn, vip netip.Addr, x net.PacketConn) dsrudp.Path {
	return dsrudp.Path{Local: netip.AddrPortFrom(vip, portOf(c)), Remote: addrPortOf(x.LocalAddr())}
}

// pathTo returns a path to send along, whose Local has port 0.
func pathTo(local string, remote netip.AddrPort) dsrudp.Path {
	return dsrudp.Path{Local: netip.AddrPortFrom(netip.MustParseAddr(local), 0), Remote: remote}
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

// receive has x write to c, and returns the address that ReadFromUDP returns.
func receive(t *testing.T, c *dsrudp.Conn, x *net.UDPConn) *net.UDPAddr {
	t.Helper()
	write(t, x, "request")
	_, a, err := c.ReadFromUDP(make([]byte, 16))
	require.NoError(t, err)
	return a
}

// askAll has clients ask c, by two VIPs in turn, all at once and each so many
// times in a row. Each must get the answers to its own.
func askAll(t *testing.T, c *dsrudp.Conn, clients, rounds int) {
	t.Helper()
	var asking sync.WaitGroup
	for i := range clients {
		x := dialVIP(t, c, vips[i%2])
		asking.Go(func() {
			for r := 0; r < rounds && asks(t, x, fmt.Sprint(i, "/", r)); r++ {
			}
		})
	}
	asking.Wait()
}

// asks has a client ask, in any goroutine, and reports whether it is answered.
func asks(t *testing.T, x *net.UDPConn, question string) bool {
	b := make([]byte, 64)
	_, err := x.Write([]byte(question))
	if err != nil {
		return assert.NoError(t, err, question)
	}
	n, err := x.Read(b)
	return assert.NoError(t, err, question) && assert.Equal(t, question, string(b[:n]))
}

// packets returns n Packets to receive into.
func packets(n, size int) []dsrudp.Packet {
	ps := make([]dsrudp.Packet, n)
	for i := range ps {
		ps[i].Buf = make([]byte, size)
	}
	return ps
}

// packet returns a Packet to send.
func packet(payload string, p dsrudp.Path) dsrudp.Packet {
	return dsrudp.Packet{Buf: []byte(payload), N: len(payload), Path: p}
}

// messages returns n messages to receive into.
func messages(n, size int) []ipv4.Message {
	ms := make([]ipv4.Message, n)
	for i := range ms {
		ms[i].Buffers = [][]byte{make([]byte, size)}
	}
	return ms
}

// message returns a message to send.
func message(payload string, to net.Addr) ipv4.Message {
	return ipv4.Message{Buffers: [][]byte{[]byte(payload)}, Addr: to}
}

// readInto receives a datagram, or several that were joined, into each of ps, with as many
// calls as that takes.
func readInto(t *testing.T, c *dsrudp.Conn, ps []dsrudp.Packet) []dsrudp.Packet {
	t.Helper()
	for got := 0; got < len(ps); {
		n, err := c.ReadPackets(ps[got:])
		require.NoError(t, err)
		require.Positive(t, n)
		got += n
	}
	return ps
}

// readAll receives n datagrams.
func readAll(t *testing.T, c *dsrudp.Conn, n int) []dsrudp.Packet {
	t.Helper()
	return readInto(t, c, packets(n, 2048))
}

// writeAll sends Packets, all of which must be good.
func writeAll(t *testing.T, c *dsrudp.Conn, ps []dsrudp.Packet) {
	t.Helper()
	n, err := c.WritePackets(ps)
	require.NoError(t, err)
	require.Equal(t, len(ps), n)
}

// apart runs the test again in a process of its own, which the test may change or
// block, and reports whether this is that process. It is ended after some time; stuck says
// what that means.
func apart(t *testing.T, stuck string) bool {
	t.Helper()
	return rerun(t, stuck, nil)
}

// rerun is apart with attributes of the process, and skips the test where it cannot be
// started with them.
func rerun(t *testing.T, stuck string, attr *syscall.SysProcAttr) bool {
	t.Helper()
	const child = "DSRUDP_TEST_APART"
	if os.Getenv(child) == t.Name() {
		return true
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), child+"="+t.Name())
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if err != nil && attr != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Skip(err)
	}
	require.NoError(t, ctx.Err(), "%s:\n%s", stuck, out)
	require.NoError(t, err, "%s", out)
	if bytes.Contains(out, []byte("--- SKIP: "+t.Name())) {
		t.Skipf("%s", out)
	}
	return false
}

// requireTraffic requires what c received to be n datagrams of so many bytes, and what it
// sent as well.
func requireTraffic(t *testing.T, c *dsrudp.Conn, n, bytes int) {
	t.Helper()
	s := c.Stats()
	require.EqualValues(t, [...]int{n, bytes, n, bytes}, [...]int{int(s.Received), int(s.ReceivedBytes), int(s.Sent), int(s.SentBytes)})
}

// faults returns c's Stats without what was received, sent and remembered.
func faults(c *dsrudp.Conn) dsrudp.Stats {
	s := c.Stats()
	s.Received, s.ReceivedBytes, s.Sent, s.SentBytes, s.PathEntries, s.PathBytes = 0, 0, 0, 0, 0, 0
	return s
}

// assertOp asserts, for handlers too, that err has the shape that net gives errors, wrapped
// once, and that it matches is, unless that is nil.
func assertOp(t *testing.T, op string, err, is error, about ...any) (e *net.OpError) {
	t.Helper()
	if assert.ErrorAs(t, err, &e, about...) {
		assert.Equal(t, op, e.Op, about...)
		assert.NotErrorAs(t, e.Err, new(*net.OpError), about...)
	}
	if is != nil {
		assert.ErrorIs(t, err, is, about...)
	}
	return e
}
