package facts_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// A site is a server behind a balancer and a client that talks to it through
// two VIPs.
type site struct {
	client, server *lab.Host

	// vips are the addresses that the client asks, each a local route of the
	// server.
	vips []netip.Addr

	// own is what the client sees as the source of a datagram that the server
	// sends from the address its kernel chooses.
	own netip.Addr

	// arrivals is what crosses the client's interface.
	arrivals *lab.Capture
}

// sitePatience bounds every wait for an event: it is reached only when a test
// fails.
const sitePatience = 10 * time.Second

// newSite builds a lab with one backend, and so with no doubt about which one
// answers.
func newSite(t *testing.T, o lab.Options) (*site, *lab.Lab) {
	t.Helper()
	o.Backends = 1
	l := labtest.New(t, o)
	// An answer that comes from the wrong address shall always be objected to.
	require.NoError(t, l.Client.Sysctl("net.ipv4.icmp_ratelimit", "0"))
	b := l.Backends[0]
	return &site{
		client:   l.Client,
		server:   b.Host,
		vips:     l.VIPs4,
		own:      b.External4,
		arrivals: labtest.Capture(t, l.Client, "eth0"),
	}, l
}

// dial returns a client of a VIP. It is connected, as only such a one rejects
// an answer from another address.
func (s *site) dial(t *testing.T, vip netip.Addr) *net.UDPConn {
	t.Helper()
	c, err := s.client.DialUDP("udp", netip.AddrPort{}, netip.AddrPortFrom(vip, lab.Port))
	require.NoError(t, err)
	return siteConn(t, c)
}

// dialAll returns a client for each VIP.
func (s *site) dialAll(t *testing.T) []*net.UDPConn {
	t.Helper()
	var cs []*net.UDPConn
	for _, v := range s.vips {
		cs = append(cs, s.dial(t, v))
	}
	return cs
}

// dialOnePort returns a client for each VIP, all of one port.
func (s *site) dialOnePort(t *testing.T, vips ...netip.Addr) []*net.UDPConn {
	t.Helper()
	d := net.Dialer{Control: bareControl(bareOn(unix.SOL_SOCKET, unix.SO_REUSEADDR))}
	var cs []*net.UDPConn
	for _, v := range vips {
		require.NoError(t, s.client.Do(func() error {
			c, err := d.Dial("udp", siteAddress(v))
			if err == nil {
				cs = append(cs, siteConn(t, c.(*net.UDPConn)))
				d.LocalAddr = c.LocalAddr()
			}
			return err
		}))
	}
	return cs
}

// siteConn bounds all that is done with a socket, and closes it with the test.
func siteConn[C net.PacketConn](t *testing.T, c C) C {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(sitePatience)))
	return c
}

// siteCount makes payloads unlike all others.
var siteCount atomic.Int64

// ask sends a request like no other and returns it.
func (s *site) ask(t *testing.T, client *net.UDPConn) string {
	t.Helper()
	request := fmt.Sprintf("request %d to %v", siteCount.Add(1), client.RemoteAddr())
	_, err := client.Write([]byte(request))
	require.NoError(t, err)
	return request
}

// requireAccepted requires that the next datagram the client accepts is answer.
// An answer to it that was sent before has thereby been rejected or lost: one
// client's datagrams do not overtake each other in the lab.
func (s *site) requireAccepted(t *testing.T, client *net.UDPConn, answer string) {
	t.Helper()
	b := make([]byte, 2048)
	n, err := client.Read(b)
	require.NoError(t, err, "the client accepts no answer, and rejects those that come from another address than it wrote to")
	require.Equal(t, answer, string(b[:n]))
}

// requireRejected requires that answer came to the client's host from the address src,
// and that its kernel found no socket that takes it.
func (s *site) requireRejected(t *testing.T, client *net.UDPConn, answer string, src netip.Addr) {
	t.Helper()
	stray := siteWaitFor(t, s.arrivals, func(p lab.Packet) bool { return !p.Outgoing && string(p.Payload) == answer })
	require.Equal(t, lab.Flow{Src: netip.AddrPortFrom(src, lab.Port), Dst: siteAddr(client.LocalAddr())}, stray.Flow)
	siteWaitFor(t, s.arrivals, func(p lab.Packet) bool {
		return p.Outgoing && p.Kind == lab.PortUnreachable && p.Inner == stray.Flow
	})
}

// siteWaitFor waits for a packet.
func siteWaitFor(t *testing.T, c *lab.Capture, match func(lab.Packet) bool) lab.Packet {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), sitePatience)
	defer cancel()
	p, err := c.WaitFor(ctx, match)
	if err != nil {
		var seen strings.Builder
		for _, p := range c.Packets() {
			fmt.Fprintln(&seen, p)
		}
		require.NoError(t, err, "captured:\n%s", seen.String())
	}
	return p
}

// siteSent waits until a capture has a datagram that the host sent.
func siteSent(t *testing.T, c *lab.Capture, payload string) lab.Packet {
	t.Helper()
	return siteWaitFor(t, c, func(p lab.Packet) bool { return p.Outgoing && string(p.Payload) == payload })
}

// siteNotSent requires that the datagram never crossed the captured interface, up
// to the one sent later.
func siteNotSent(t *testing.T, c *lab.Capture, never, later string) {
	t.Helper()
	siteSent(t, c, later)
	for _, p := range c.Packets() {
		require.NotEqual(t, never, string(p.Payload), "%v", p)
	}
}

// siteAddr returns a socket's address as a capture has it.
func siteAddr(a net.Addr) netip.AddrPort {
	ap := a.(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// siteIndex returns the index of an interface.
func siteIndex(t *testing.T, h *lab.Host, dev string) int {
	t.Helper()
	i, err := h.Index(dev)
	require.NoError(t, err)
	return i
}

// siteAddress returns the address a, or none, and the lab's port as net takes it.
func siteAddress(a netip.Addr) string {
	host := ""
	if a.IsValid() {
		host = a.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(lab.Port))
}

// siteIgnore returns err, unless it is the one to ignore.
func siteIgnore(err, ignored error) error {
	if errors.Is(err, ignored) {
		return nil
	}
	return err
}
